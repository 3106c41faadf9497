"""The library that runs WebAssembly; where it is missing or has no binary for the platform, an error in words."""

from __future__ import annotations

from wlf.components.transformers._wasm.abi import PluginError

try:
    import wasmtime
except (ImportError, OSError, RuntimeError) as error:
    # Where no wheel fits the platform, the library comes without its binary, and says so by one of the other two.
    raise PluginError(
        "module", f"the library wasmtime cannot be loaded: {type(error).__name__}", hint='pip install "wlf[wasm]"'
    ) from error

__all__ = ["wasmtime"]
