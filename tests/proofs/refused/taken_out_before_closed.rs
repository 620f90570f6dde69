//! Nor can it be taken out of its record.

use claviger::audit::Recorded;
use claviger::vault::Response;

fn take(done: Recorded<Response>) {
    let (_response, _intent) = done.begin();
}

fn main() {
    let _ = take;
}
