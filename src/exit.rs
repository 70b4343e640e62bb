//! The exit codes, the same in every format, and their one table.

/// Why the program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Every applicable rule is compliant or waived.
    Compliant,
    /// The program could not do its work.
    Failed,
    /// The command line or a settings file is wrong, or names what is not there.
    Usage,
    /// At least one unwaived non-compliant finding, whatever else happened.
    NonCompliant,
    /// Nothing non-compliant, but evidence is missing.
    EvidenceMissing,
    /// Evidence failed verification.
    EvidenceBroken,
    /// Somebody ended it before it was done.
    Interrupted,
}

impl Exit {
    /// Every exit code, in order of number.
    pub const ALL: [Self; 7] = [
        Self::Compliant,
        Self::Failed,
        Self::Usage,
        Self::NonCompliant,
        Self::EvidenceMissing,
        Self::EvidenceBroken,
        Self::Interrupted,
    ];

    /// What the shell sees.
    pub const fn code(self) -> u8 {
        match self {
            Self::Compliant => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::NonCompliant => 10,
            Self::EvidenceMissing => 11,
            Self::EvidenceBroken => 12,
            Self::Interrupted => 130,
        }
    }

    /// One line for `explain exit-codes` and the README.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Compliant => {
                "nothing required is open: every required rule that applies is compliant or waived; for remediation: everything asked for was done; for an \
                 attestation: proven, or exposed within waivers only; for a drill: every table was restored, and nothing speaks against it"
            }
            Self::Failed => "the program could not do its work",
            Self::Usage => {
                "the command line or a settings file is wrong, or a folder or file that it names is not there"
            }
            Self::NonCompliant => {
                "at least one required finding that is non-compliant and not waived, or an exposure, whatever else happened; for a drill: a restore failed, \
                 holds something else, or missed its RTO"
            }
            Self::EvidenceMissing => {
                "nothing required is non-compliant, but evidence is missing; for `verify`: what was checked holds, and not all could be; for a \
                 drill: something was not tested, not comparable, or may be left"
            }
            Self::EvidenceBroken => "evidence failed verification: something in it differs from what it should be",
            Self::Interrupted => "ended by Ctrl-C or by SIGTERM before it was done",
        }
    }
}

/// The table of `explain exit-codes`.
pub(crate) fn table() -> String {
    let mut text = String::from("code  meaning\n");
    for exit in Exit::ALL {
        text.push_str(&format!("{:>4}  {}\n", exit.code(), exit.meaning()));
    }
    text
}
