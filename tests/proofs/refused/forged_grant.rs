//! A grant is made by the policy and nobody else.

use claviger::grant::{Facts, Granted, Plan};

fn forge(facts: Facts, plan: Plan) -> Granted {
    Granted { facts, plan }
}

fn main() {
    let _ = forge;
}
