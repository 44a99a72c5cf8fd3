//! The data every instance starts with: the same on every machine, so that load can name users
//! and products without asking for them first.

/// Seeded users are `u-00001` to `u-10000`.
pub(crate) const USERS: u32 = 10_000;
/// Seeded products are `p-00001` to `p-01000`.
pub(crate) const PRODUCTS: u32 = 1_000;
/// The password of every seeded user.
pub(crate) const PASSWORD: &str = "correct horse";

const GIVEN: [&str; 10] = ["Ada", "Bruno", "Chen", "Dilara", "Emeka", "Freya", "Gita", "Hugo", "Ines", "Jonas"];
const FAMILY: [&str; 10] = ["Almeida", "Berg", "Costa", "Demir", "Eze", "Fischer", "Gupta", "Hansen", "Ito", "Jensen"];
const GOODS: [&str; 8] = ["Kettle", "Lamp", "Blanket", "Notebook", "Mug", "Backpack", "Clock", "Chair"];
const COLOURS: [&str; 6] = ["Red", "Blue", "Green", "White", "Black", "Yellow"];

pub(crate) fn user_id(number: u32) -> String {
    format!("u-{number:05}")
}

pub(crate) fn email(number: u32) -> String {
    format!("user{number:05}@goodgo.example")
}

/// The number of a seeded user, by id.
pub(crate) fn user_number(id: &str) -> Option<u32> {
    number_in(id.strip_prefix("u-")?).filter(|number| (1..=USERS).contains(number))
}

/// The number of a seeded user, by e-mail address.
pub(crate) fn user_number_by_email(email: &str) -> Option<u32> {
    let digits = email.strip_prefix("user")?.strip_suffix("@goodgo.example")?;
    number_in(digits).filter(|number| (1..=USERS).contains(number))
}

pub(crate) fn user_name(number: u32) -> String {
    let number = number as usize;
    let given = GIVEN[number % GIVEN.len()];
    let family = FAMILY[number / GIVEN.len() % FAMILY.len()];
    format!("{given} {family}")
}

pub(crate) fn product_id(number: u32) -> String {
    format!("p-{number:05}")
}

pub(crate) fn product_name(number: u32) -> String {
    let number = number as usize;
    let colour = COLOURS[number % COLOURS.len()];
    let good = GOODS[number / COLOURS.len() % GOODS.len()];
    format!("{colour} {good}")
}

/// Between 1.99 and 100.99, spread over the catalogue.
pub(crate) fn product_price_cents(number: u32) -> u32 {
    199 + number * 37 % 100 * 100
}

/// Exactly five digits: `u-1` and `u-000001` are not second names of `u-00001`.
fn number_in(digits: &str) -> Option<u32> {
    let five_digits = digits.len() == 5 && digits.bytes().all(|byte| byte.is_ascii_digit());
    five_digits.then(|| digits.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_addresses_lead_back_to_the_number_they_were_made_of() {
        for number in [1, 42, USERS] {
            assert_eq!(user_number(&user_id(number)), Some(number));
            assert_eq!(user_number_by_email(&email(number)), Some(number));
        }
    }

    #[test]
    fn nobody_outside_the_seed_has_a_number() {
        for id in ["u-00000", "u-10001", "u-1", "u-000001", "u-+0001", "x"] {
            assert_eq!(user_number(id), None, "{id}");
        }
    }
}
