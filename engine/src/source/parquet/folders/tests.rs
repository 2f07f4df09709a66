//! What paths say.

use super::Folders;

#[track_caller]
fn check(paths: &[&str], columns: &str, values: &str) {
    let folders = Folders::of(paths.iter().copied(), |name| name == "text");
    let shown = folders.columns.iter().map(|field| {
        let optional = if field.is_nullable() { "?" } else { "" };
        format!("{}: {}{optional}", field.name(), field.data_type())
    });
    assert_eq!(shown.collect::<Vec<_>>().join(", "), columns);
    let shown = folders
        .values
        .iter()
        .map(|values| values.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "));
    assert_eq!(shown.collect::<Vec<_>>().join(", "), values);
}

#[test]
fn folders_are_columns() {
    check(&["a.parquet", "b/c.parquet"], "", ", ");
    check(&["y=2024/m=01/a", "y=2023/m=12/a"], "y: Int64, m: Int64", "2024 1, 2023 12");
    check(&["y=2024/a", "y=x/a"], "y: Utf8", "2024, x");
    check(&["y=2024/a", "b"], "y: Int64?", "2024, NULL");
    check(&["y=1/a", "y=__HIVE_DEFAULT_PARTITION__/a"], "y: Int64?", "1, NULL");
    check(&["y=__HIVE_DEFAULT_PARTITION__/a"], "y: Utf8?", "NULL");
    check(&["city=S%C3%A3o%20Paulo/a=b.parquet"], "city: Utf8", "São Paulo");
    check(&["text=01/a"], "text: Utf8", "01");
    check(&["y=/a", "=x/a"], "y: Utf8?", ", NULL");
}
