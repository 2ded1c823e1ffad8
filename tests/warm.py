"""For the nursery only, to be imported there: what each server and command would make anew for itself."""

from typing import get_args

from bridge.render import Renderer
from bridge.render.renderer import TargetType

for kind in get_args(TargetType):
    Renderer().names(kind)  # compiles the built-in templates
