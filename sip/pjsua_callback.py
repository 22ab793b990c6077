"""The guard around every method that pjsua2 calls."""

from __future__ import annotations

import functools
import logging
import traceback
from collections.abc import Callable
from typing import Any

log = logging.getLogger(__name__)


def callback(method: Callable[..., None]) -> Callable[..., None]:
    """Nothing may raise into C++: an engine that fails in a callback ends that call as a fault.

    The method's object has `line_id`, for the log, and `broken`, which is set for the SIP thread to find.
    """

    @functools.wraps(method)
    def guarded(self: Any, *args: Any) -> None:
        try:
            method(self, *args)
        except Exception:
            # As text: a record that kept the traceback would keep pjsua2 objects alive for another thread to free.
            log.error("call_id=%s action=%s failed: %s", self.line_id, method.__name__, traceback.format_exc())
            self.broken = True

    return guarded
