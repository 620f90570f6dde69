//! Connections that are open, for requests that may share them.

use std::sync::{Arc, Mutex, PoisonError};

use claviger_grant::EndpointPlan;

use crate::client_certificate::Identity;
use crate::connect::Connection;

/// Connections of one tool call that can be used again. Its clones are the same pool.
#[derive(Clone, Default)]
pub(crate) struct Pool(Arc<Mutex<Vec<Idle>>>);

/// A connection that waits, with what it was opened for.
struct Idle {
    endpoint: EndpointPlan,
    identity: Option<Arc<Identity>>,
    connection: Connection,
}

impl Pool {
    pub(crate) fn take(&self, endpoint: &EndpointPlan, identity: Option<&Arc<Identity>>) -> Option<Connection> {
        // The same place, reached and trusted in the same way: whatever the plan of an endpoint says counts.
        let fits = |idle: &Idle| idle.endpoint == *endpoint && presents(idle.identity.as_ref(), identity);
        let mut idle = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = idle.iter().position(fits)?;
        Some(idle.swap_remove(at).connection)
    }

    pub(crate) fn put(&self, endpoint: &EndpointPlan, identity: Option<&Arc<Identity>>, connection: Connection) {
        let idle = Idle { endpoint: endpoint.clone(), identity: identity.cloned(), connection };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(idle);
    }
}

/// The same client. On a connection of another, a request would go out in that one's name.
fn presents(one: Option<&Arc<Identity>>, other: Option<&Arc<Identity>>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => Arc::ptr_eq(one, other),
        (None, None) => true,
        _ => false,
    }
}
