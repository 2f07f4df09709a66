//! Profiles of the AWS command line: `~/.aws/credentials` and `~/.aws/config`.

use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;

use crate::environment::variable;
use crate::storage::files;
use crate::{Error, Result};

/// What a profile says, by name.
pub(super) type Profile = HashMap<String, String>;

/// The profile of this name, else the one that the environment names, else `default`; `None` where there is none.
///
/// # Errors
/// [`Error::InvalidArgument`] when a profile that somebody named is not there, or needs a program of AWS to be used.
pub(super) fn read(named: Option<&str>) -> Result<Option<Profile>> {
    let chosen = named.map(str::to_owned).or_else(|| variable("AWS_PROFILE"));
    let name = chosen.as_deref().unwrap_or("default");
    let mut profile = Profile::new();
    let mut found = false;
    let files = [
        ("AWS_CONFIG_FILE", "config", section_of_config(name)),
        ("AWS_SHARED_CREDENTIALS_FILE", "credentials", name.to_owned()),
    ];
    for (at, file, section) in files {
        let path = variable(at).map_or_else(|| below_home(file), |path| Some(PathBuf::from(path)));
        let Some(text) = path.and_then(|path| fs::read_to_string(path).ok()) else { continue };
        if let Some(values) = section_in(&text, &section) {
            found = true;
            profile.extend(values);
        }
    }
    if !found {
        return match chosen {
            None => Ok(None),
            Some(name) => Err(unusable(&name, "no file of AWS's command line has it")),
        };
    }
    let has_keys = profile.contains_key("aws_access_key_id");
    let foreign = ["credential_process", "sso_session", "sso_start_url", "role_arn"];
    match foreign.iter().find(|key| profile.contains_key(**key)).filter(|_| !has_keys) {
        Some(key) if chosen.is_some() => Err(unusable(
            name,
            &format!(
                "its `{key}` needs AWS's own program; hint: eval \"$(aws configure \
                 export-credentials --profile {name} --format env)\""
            ),
        )),
        _ => Ok(Some(profile)),
    }
}

fn section_of_config(name: &str) -> String {
    if name == "default" { name.to_owned() } else { format!("profile {name}") }
}

fn below_home(file: &str) -> Option<PathBuf> {
    Some(PathBuf::from(files::home()?).join(".aws").join(file))
}

fn unusable(name: &str, why: &str) -> Error {
    Error::InvalidArgument { argument: "profile", given: name.to_owned(), accepted: why.to_owned() }
}

/// The values below a heading; `None` without it.
fn section_in(text: &str, section: &str) -> Option<Profile> {
    let mut values = None;
    let mut is_inside = false;
    for line in text.lines() {
        // A line that is indented belongs to the value above it.
        if line.starts_with([' ', '\t', '#', ';']) || line.trim().is_empty() {
            continue;
        }
        if let Some(heading) = line.trim().strip_prefix('[').and_then(|rest| rest.strip_suffix(']'))
        {
            is_inside = heading.split_whitespace().eq(section.split_whitespace());
            if is_inside {
                values.get_or_insert_default();
            }
        } else if is_inside
            && let (Some((name, value)), Some(values)) = (line.split_once('='), values.as_mut())
        {
            let values: &mut Profile = values;
            values.insert(name.trim().to_owned(), value.trim().to_owned());
        }
    }
    values
}

#[cfg(test)]
mod tests {
    use super::section_in;

    #[test]
    fn a_section_has_its_own_values_only() {
        let text = "[default]\naws_access_key_id = a\n# no\n[profile  two]\nregion=eu\ns3 =\n  max = 1\n[x]\nregion=us\n";
        let two = section_in(text, "profile two").expect("it is there");
        assert_eq!(two.get("region").map(String::as_str), Some("eu"));
        assert!(!two.contains_key("max"));
        assert!(!two.contains_key("aws_access_key_id"));
        assert_eq!(section_in(text, "none"), None);
        assert_eq!(section_in(text, "default").expect("it is there").len(), 1);
    }
}
