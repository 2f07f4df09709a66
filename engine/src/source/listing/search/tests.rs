//! Which keys URIs name, and what is listed for them.

use super::Search;

fn parsed(uri: &str, recursive: bool) -> Vec<Search> {
    Search::parse(uri, recursive).unwrap().unwrap()
}

#[track_caller]
fn lists(uri: &str, recursive: bool, places: &str) {
    assert_eq!(parsed(uri, recursive)[0].scope().places(), places, "{uri}");
}

#[test]
fn what_is_listed_begins_as_all_keys_do() {
    lists("s3://b", true, "s3://b/");
    lists("s3://b/cats", true, "s3://b/cats/");
    lists("s3://b/cats/", false, "s3://b/cats/ (not below)");
    lists("s3://b/cats/img_00*.jpg", true, "s3://b/cats/img_00 (not below)");
    lists("s3://b/c*/x.jpg", true, "s3://b/c");
    lists("gs://b/cats/**/*.jpg", true, "gs://b/cats/");
    lists("s3://b/a\\*b*", true, "s3://b/a (not below)");
}

#[track_caller]
#[expect(clippy::fn_params_excessive_bools, reason = "a table of cases")]
fn matches(uri: &str, recursive: bool, key: &str, expected: bool) {
    let found = parsed(uri, recursive).iter().any(|one| one.matches(key));
    assert_eq!(found, expected, "{uri} names {key}");
}

#[test]
fn keys_are_matched_below_the_last_folder_without_wildcards() {
    matches("s3://b", true, "x/y.jpg", true);
    matches("s3://b/cats", true, "cats/1.jpg", true);
    matches("s3://b/cats", true, "cats", true);
    matches("s3://b/cats/", true, "cats", false);
    matches("s3://b/cats", true, "cats2/1.jpg", false);
    matches("s3://b/cats", false, "cats/more/1.jpg", false);
    matches("s3://b/cats/*.jpg", true, "cats/1.jpg", true);
    matches("s3://b/cats/*.jpg", true, "cats/more/1.jpg", false);
    matches("s3://b/**/*.jpg", true, "cats/more/1.jpg", true);
    matches("s3://b/**/*.jpg", true, "1.jpg", true);
    matches("s3://b/img_0[12]?.jpg", true, "img_019.jpg", true);
    matches("s3://b/img_0[12]?.jpg", true, "img_039.jpg", false);
    matches("s3://b/{a,b{1..2}}/*", true, "b2/x", true);
    matches("s3://b/{a,b{1..2}}/*", true, "b3/x", false);
}

#[test]
fn wider_listings_tell_the_same() {
    let covering = |uri: &str, recursive| {
        let covering = parsed(uri, recursive)[0].covering();
        covering.iter().map(super::Scope::places).collect::<Vec<_>>()
    };
    assert_eq!(covering("s3://b/a/b/", true), ["s3://b/a/b/", "s3://b/a/", "s3://b/"]);
    assert_eq!(
        covering("s3://b/a/x*", true),
        ["s3://b/a/x (not below)", "s3://b/a/x", "s3://b/a/ (not below)", "s3://b/a/", "s3://b/"]
    );
    assert_eq!(covering("s3://b", true), ["s3://b/"]);
}

#[track_caller]
fn refuses(uri: &str, word: &str) {
    let error = Search::parse(uri, true).unwrap_err().to_string();
    assert!(error.contains(word), "{error}");
    assert!(!error.contains("secret"), "{error}");
}

#[test]
fn what_cannot_be_listed_is_refused() {
    refuses("s3://b*/x", "name one bucket");
    refuses("s3://{a,b?}/x", "name one bucket");
    refuses("ftp://host/x", "`ftp://`");
    refuses("https://host/folder/", "name each file");
    refuses("https://host/x*.jpg", "name each file");
    refuses("https://host/x.jpg?sig=secret", "query");
    refuses("https://me:secret@host/x.jpg", "password");
    refuses("s3://b/[", "glob");
}

#[test]
fn files_of_this_machine_are_none() {
    assert!(Search::parse("/a/b", true).unwrap().is_none());
    assert!(Search::parse("file:///a/{b,c}", true).unwrap().is_none());
}

#[test]
fn readers_of_one_kind_of_files_take_no_notice_of_others() {
    let file = |uri: &str, key: &str| parsed(uri, true)[0].file(key, &[".parquet"]);
    assert_eq!(file("s3://b/t", "t/y=1/a.parquet").as_deref(), Some("y=1/a.parquet"));
    assert_eq!(file("s3://b/t", "t/y=1/a.csv"), None);
    assert_eq!(file("s3://b/t", "t/_temporary/a.parquet"), None);
    assert_eq!(file("s3://b/t/part-*", "t/part-1").as_deref(), Some("part-1"));
    assert_eq!(file("s3://b/t.pq", "t.pq").as_deref(), Some("t.pq"));
}
