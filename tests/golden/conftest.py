from __future__ import annotations

import pytest

pytest.importorskip("torch", reason="the oracle is missing: pip install 'satseek[torch]'")
pytest.importorskip("transformers", reason="the oracle is missing: pip install 'satseek[torch]'")
