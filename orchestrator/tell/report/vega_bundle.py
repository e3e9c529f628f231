"""Makes ``vega.js``: Vega, Vega-Lite and vega-embed (all BSD-3-Clause) as one script, from the wheel of vl-convert.

The bundle is kept in the package so that a report needs neither a network nor the 84 MB of vl-convert. ``make vega``
runs this after an update of vl-convert; a test compares the two.
"""

from importlib.metadata import version
from pathlib import Path

PLACE = Path(__file__).parent / "vega.js"


def bundle() -> str:
    """The script, safe inside an HTML script element; its first line says what it is."""
    import vl_convert

    versions = f"vega {vl_convert.get_vega_version()}, vega-lite and vega-embed"
    made_by = f"vl-convert-python {version('vl-convert-python')}"
    head = f"/* {versions}, bundled by {made_by}. BSD-3-Clause: vega.LICENSE */\n"
    script: str = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
    return head + script.replace("</script", "<\\/script").rstrip() + "\n"


if __name__ == "__main__":
    PLACE.write_text(bundle(), encoding="utf-8")
