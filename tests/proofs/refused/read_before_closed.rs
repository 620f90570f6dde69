//! An answer cannot be read before its outcome is in the log.

use claviger::audit::Recorded;
use claviger::vault::Response;

fn read(done: Recorded<Response>) {
    let _ = done.into_result();
}

fn main() {
    let _ = read;
}
