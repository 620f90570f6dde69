//! What was recorded stays what was recorded: an answer is not put under another intent.

use claviger::approval::Approved;
use claviger::audit::Recorded;
use claviger::vault::Response;

fn relabel(one: Recorded<Approved>, answer: Response) -> (Recorded<Response>, Recorded<Response>) {
    let (_approved, intent) = one.begin();
    (intent.seal(answer), intent.seal(answer))
}

fn main() {
    let _ = relabel;
}
