"""The service natively: its use cases and routes on SQLite with the real migrations and a clock that tests set; no wasm, no host.

`python3 -m unittest` in the folder above. `alternate` is a program of its own: it needs a host.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "src"))
