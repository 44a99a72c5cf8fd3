//! Where users are kept: the seeded ones are computed, the registered ones held in memory. An
//! e-mail address belongs to one user.

use std::collections::{HashMap, HashSet};
use std::sync::{PoisonError, RwLock};

use super::User;
use crate::seed;

/// The e-mail address belongs to somebody else.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Taken;

#[derive(Default)]
pub(super) struct Users(RwLock<Registered>);

#[derive(Default)]
struct Registered {
    by_id: HashMap<String, User>,
    emails: HashSet<String>,
}

impl Users {
    pub(super) fn get(&self, id: &str) -> Option<User> {
        if let Some(number) = seed::user_number(id) {
            return Some(User { id: id.to_owned(), email: seed::email(number), name: seed::user_name(number) });
        }
        let registered = self.0.read().unwrap_or_else(PoisonError::into_inner);
        registered.by_id.get(id).cloned()
    }

    pub(super) fn add(&self, user: User) -> Result<(), Taken> {
        if seed::user_number_by_email(&user.email).is_some() {
            return Err(Taken);
        }
        let mut registered = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if !registered.emails.insert(user.email.clone()) {
            return Err(Taken);
        }
        registered.by_id.insert(user.id.clone(), user);
        Ok(())
    }

    pub(super) fn remove(&self, user: &User) {
        let mut registered = self.0.write().unwrap_or_else(PoisonError::into_inner);
        registered.by_id.remove(&user.id);
        registered.emails.remove(&user.email);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ada(id: &str) -> User {
        User { id: id.into(), email: "ada@goodgo.example".into(), name: "Ada".into() }
    }

    #[test]
    fn an_address_belongs_to_one_user_until_that_one_is_removed() {
        let users = Users::default();

        assert_eq!(users.add(ada("u-a")), Ok(()));
        assert_eq!(users.add(ada("u-b")), Err(Taken));
        users.remove(&ada("u-a"));
        assert_eq!(users.add(ada("u-b")), Ok(()));
        assert_eq!(users.get("u-a"), None);
        assert_eq!(users.get("u-b"), Some(ada("u-b")));
    }

    #[test]
    fn seeded_users_are_there_from_the_start_and_keep_their_addresses() {
        let users = Users::default();

        let seeded = users.get("u-00042").unwrap();

        assert_eq!(seeded.email, "user00042@goodgo.example");
        assert_eq!(users.add(seeded), Err(Taken));
    }
}
