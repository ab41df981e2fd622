"""HTTP: the answers of `wit/payment/world.wit`, for requests that were received whole."""
