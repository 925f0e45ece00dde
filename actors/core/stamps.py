"""The digest that a key of a hot SKU may end with; what it proves is said in `serve.coordination.hot_stamps`."""

import hashlib
import hmac
from base64 import urlsafe_b64encode
from typing import Final

from actors.core.policy import HotSku

MARK: Final = "~"  # before the digest, so that most keys are known to have none by one look
DIGEST_BYTES: Final = 9
STAMP_CHARS: Final = len(MARK) + DIGEST_BYTES * 4 // 3


def stamp_of(store_id: str, hot: HotSku) -> str:
    """The stamp of a shop for an opening of a SKU, by its secret; empty where it has none."""
    if not hot.seal:
        return ""
    said = f"{hot.generation}\n{hot.sku}\n{store_id}".encode()
    digest = hmac.digest(hot.seal.encode(), said, hashlib.sha256)
    return MARK + urlsafe_b64encode(digest[:DIGEST_BYTES]).decode()
