//! The namespaces of a server, by name.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use crate::error::{Error, ErrorKind};
use crate::socketio::context::Context;
use crate::socketio::event::{Hook, NamespaceEvent, What};
use crate::socketio::namespace::Namespace;

/// The namespaces of a server, by name.
#[derive(Debug)]
pub struct Namespaces {
    context: Arc<Context>,
    by_name: RwLock<HashMap<Arc<str>, Arc<Namespace>>>,
}

impl Namespaces {
    /// Creates the namespace `/`, which clients can always join.
    pub fn new(context: Arc<Context>) -> Self {
        let root = Arc::new(Namespace::new("/", Arc::clone(&context)));
        let by_name = HashMap::from([(Arc::clone(root.name()), root)]);
        Self {
            context,
            by_name: RwLock::new(by_name),
        }
    }

    /// The server's context.
    pub fn context(&self) -> &Arc<Context> {
        &self.context
    }

    /// Returns the namespace with that name, and creates it if it does not exist. A missing slash is added.
    ///
    /// # Errors
    /// `Name` if no CONNECT can hold the name, because it has a comma, a question mark or a control character.
    pub fn of(&self, name: &str) -> Result<Arc<Namespace>, Error> {
        let name = if name.starts_with('/') {
            name.to_owned()
        } else {
            format!("/{name}")
        };
        if name.contains([',', '?', '\0', '\u{1e}']) {
            let text = format!(
                "{name:?} cannot be a namespace: it holds a comma, a question mark or a control character"
            );
            return Err(Error::new(ErrorKind::Name, text));
        }
        if let Some(namespace) = self.find(&name) {
            return Ok(namespace);
        }
        let namespace = {
            let mut by_name = self.by_name.write().unwrap_or_else(PoisonError::into_inner);
            if let Some(namespace) = by_name.get(&*name) {
                return Ok(Arc::clone(namespace));
            }
            let namespace = Arc::new(Namespace::new(&name, Arc::clone(&self.context)));
            by_name.insert(Arc::clone(namespace.name()), Arc::clone(&namespace));
            namespace
        };
        if self.context.hooks.has(Hook::NewNamespace) {
            self.context
                .tell(What::Namespace(&namespace, NamespaceEvent::Created));
        }
        Ok(namespace)
    }

    /// The namespace with that name, if it exists.
    pub fn find(&self, name: &str) -> Option<Arc<Namespace>> {
        self.by_name
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(name)
            .map(Arc::clone)
    }

    /// All namespaces, in no particular order.
    pub fn all(&self) -> Vec<Arc<Namespace>> {
        self.by_name
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .values()
            .map(Arc::clone)
            .collect()
    }
}
