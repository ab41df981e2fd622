//! The service through its use cases and routes, on the real engine with the real migrations and a clock that tests set; no socket, no wasm.
