//! What is skipped is JSON as much as what is kept.

use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::{collection, proptest};
use serde_json::{Value, json};

use super::Lexer;

#[track_caller]
fn check(text: &str) {
    let (mut skipping, mut keeping) = (Lexer::new(text), Lexer::new(text));
    let (skipped, kept) = (skipping.skip(), keeping.compact(&mut String::new()));
    assert_eq!(skipped.map(str::len), kept.map(|()| keeping.at()), "{text}");
}

#[test]
fn deep_values() {
    for levels in [1, 63, 64, 65, 130, 250, 251] {
        let open = "[{\"a\":".repeat(levels);
        check(&(open.clone() + "1" + &"}]".repeat(levels)));
        check(&(open.clone() + "1" + &"}]".repeat(levels - 1) + "]}"));
        check(&(open + "[],2" + &"}]".repeat(levels)));
    }
}

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(json!(null)),
        any::<i32>().prop_map(|n| json!(n)),
        ".{0,4}".prop_map(|t| json!(t))
    ];
    leaf.prop_recursive(4, 20, 4, |inner| {
        prop_oneof![
            collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            collection::btree_map(".{0,3}", inner, 0..4).prop_map(|map| map.into_iter().collect()),
        ]
    })
}

proptest! {
    #[test]
    fn values_with_a_character_less(value in values(), is_pretty in any::<bool>(), at in any::<usize>()) {
        let write = if is_pretty { serde_json::to_string_pretty } else { serde_json::to_string };
        let text = write(&value).unwrap();
        check(&text);
        let mut letters: Vec<char> = text.chars().collect();
        letters.remove(at % letters.len());
        check(&letters.into_iter().collect::<String>());
    }
}
