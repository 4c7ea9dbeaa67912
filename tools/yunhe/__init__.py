"""The generator of the fictional city 云河市 (Yunhe); it writes ``cities/yunhe`` and is not shipped."""
