//! Nothing: the attacks are in `examples/` and `wat/`.
