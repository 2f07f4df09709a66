//! How much memory this machine has, or the control group that the process runs in.

use std::fs;

/// Where the system does not tell.
const UNKNOWN: u64 = 8 << 30;

/// The mount of control groups.
const GROUPS: &str = "/sys/fs/cgroup";

/// Bytes of memory for this process and its neighbours.
pub(crate) fn memory_bytes() -> u64 {
    let limits = group_limits().into_iter().chain(machine());
    limits.min().unwrap_or(UNKNOWN)
}

fn machine() -> Option<u64> {
    total(&fs::read_to_string("/proc/meminfo").ok()?)
}

/// From `MemTotal:       24576000 kB`.
fn total(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim_end().parse().ok()?;
    kib.checked_mul(1024)
}

/// The limits of the process's group and of those that it is in.
fn group_limits() -> Vec<u64> {
    let own = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let mut files = vec![format!("{GROUPS}/memory/memory.limit_in_bytes")];
    for path in own.lines().filter_map(|line| line.strip_prefix("0::/")) {
        let ends = path.match_indices('/').map(|(at, _)| at).chain([0, path.len()]);
        files.extend(ends.map(|end| format!("{GROUPS}/{}/memory.max", &path[..end])));
    }
    // `max` is no number.
    let limit = |file: &String| fs::read_to_string(file).ok()?.trim().parse().ok();
    files.iter().filter_map(limit).collect()
}

#[cfg(test)]
mod tests {
    use super::{memory_bytes, total};

    #[test]
    fn the_machine_tells_its_memory_in_kib() {
        assert_eq!(total("MemTotal:  24 kB\nMemFree: 1 kB\n"), Some(24 * 1024));
        assert_eq!(total("MemFree: 1 kB\n"), None);
        assert!(memory_bytes() > 0);
    }
}
