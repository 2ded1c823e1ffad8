"""Results become messages. In: a result and a template; out: a body within its target's limits. Alone knows Jinja.

renderer    the ladder: which template, and what if it fails
templates   YAML trees with Jinja in their leaves (trees: their files, laid over each other)
engine      Jinja, bounded and sandboxed
slots       what makes a value harmless where it lands
files       where templates lie
words       the voice: headline, change, tally (phrases: spans, numbers; digest: several results)
private     what must not be read in a chat
slack, discord, http    each target's slots and limits, and how a message is fitted to them
"""

from bridge.render.engine import compile_condition, compile_expression, evaluate
from bridge.render.renderer import Renderer
from bridge.render.view import Rendered, View, on_occasion

__all__ = ["Rendered", "Renderer", "View", "compile_condition", "compile_expression", "evaluate", "on_occasion"]
