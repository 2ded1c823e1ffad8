"""Speed and memory, measured by hand: ratios against a bare Starlette route in the same run. No test reads them."""
