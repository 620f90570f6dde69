//! Each plugin against its upstream.
