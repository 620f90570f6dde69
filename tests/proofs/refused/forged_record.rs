//! Only the log says that something is recorded.

use claviger::approval::Approved;
use claviger::audit::Recorded;

fn forge(approved: Approved) -> Recorded<Approved> {
    Recorded { value: approved }
}

fn main() {
    let _ = forge;
}
