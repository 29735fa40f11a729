//! Packages that may not even be locked: C libraries that would come in by another crate's default features.

use super::Finding;

const ABSENT: [(&str, &str); 3] = [
    ("aws-lc-sys", "TLS uses ring: turn off the default features of whatever brought it"),
    ("openssl-sys", "TLS uses rustls with ring: turn off the default features of whatever brought it"),
    ("native-tls", "TLS uses rustls with ring: turn off the default features of whatever brought it"),
];

pub(super) fn check(lock: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (index, line) in lock.lines().enumerate() {
        for (package, remedy) in ABSENT {
            if line == format!("name = \"{package}\"") {
                findings.push(Finding::error(
                    "Cargo.lock",
                    index + 1,
                    format!("{package} is locked"),
                    remedy,
                ));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unwanted_package_is_found() {
        let lock = "[[package]]\nname = \"openssl-sys\"\nversion = \"1\"\n\n[[package]]\nname = \"ring\"\n";
        let findings = check(lock);
        assert_eq!(findings.len(), 1);
        assert_eq!(findings[0].line, 2);
    }
}
