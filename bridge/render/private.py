"""What must not be read in a chat whoever sent it: credentials in addresses and in texts.

In: a vendor's text; out: the same without them. Known for what they are by the names of the parameters that carry
them, or by a shape that only credentials have. Vendors mark what they know to be sensitive; this is for the rest, such
as a presigned address in the middle of an error message.

- https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
- https://cloud.google.com/storage/docs/authentication/signatures
- https://learn.microsoft.com/en-us/rest/api/storageservices/create-service-sas
- https://docs.github.com/en/authentication/keeping-your-account-and-data-secure/about-authentication-to-github
- https://docs.slack.dev/authentication/tokens
"""

import re

HIDDEN = "…"

_PARAMETER = re.compile(
    r"(?<=[?&;#])((?:x-(?:amz|goog)-(?:signature|credential|security-token)|signature|sig|awsaccesskeyid|"
    r"[a-z_-]{0,20}token|[a-z_-]{0,20}secret|api[_-]?key|access[_-]?key|password|passwd|auth)=)[^&;#\s\"'<>)\]]+",
    re.IGNORECASE,
)
_SHAPE = re.compile(
    r"\b(?:xox[abeoprs]-[\w-]{10,}|xapp-[\w-]{10,}|gh[opsur]_\w{30,}|github_pat_\w{30,}|glpat-[\w-]{20,}|AKIA[0-9A-Z]{16}"
    r"|whsec_[\w+/=]{20,}|sk_(?:live|test)_\w{16,}|eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,})"
    r"|(?<=bearer )[\w.~+/-]{16,}=*|(?<=://)[^/\s:@]{1,100}:[^/\s@]{1,200}(?=@)",
    re.IGNORECASE,
)


def is_private(url: str) -> bool:
    """Whether an address lets in whoever has it, so that it is no link for a chat."""
    return bool(_PARAMETER.search(url) or _SHAPE.search(url))


def redact(text: str) -> str:
    """The text with every credential in it as `…`; null stays null."""
    if not isinstance(text, str):  # a filter of templates: their values are what a sender wrote
        return text
    if "=" in text:
        text = _PARAMETER.sub(rf"\1{HIDDEN}", text)
    return _SHAPE.sub(HIDDEN, text)
