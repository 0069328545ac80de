//! Black-box tests of the built `tollgate` binary; everything is in `it/`.
