//! Random worlds as scripts: what happens hour by hour, and when somebody looks. A script is plain data, so that one on which
//! program and truth disagree can be made smaller, line by line.

use backproof_sandbox::inside::Lock;

use crate::common::worlds::HERE;

/// Hours of a script begin here.
pub const START: &str = "2026-07-01T12:00:00Z";

/// Numbers that follow from a seed.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, most: usize) -> usize {
        usize::try_from(self.next() % most as u64).expect("below a usize")
    }

    fn between(&mut self, from: usize, to: usize) -> usize {
        from + self.below(to - from)
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    pub fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }
}

/// What the policy says of a table with this tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tier {
    Plain,
    Gold,
    /// Needs no backup.
    Free,
}

impl Tier {
    pub fn tag(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Gold => "gold",
            Self::Free => "free",
        }
    }

    pub fn of(tag: Option<&str>) -> Self {
        match tag {
            Some("gold") => Self::Gold,
            Some("free") => Self::Free,
            _ => Self::Plain,
        }
    }
}

/// What is asked of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ask {
    /// How old the newest good recovery point may be, in hours.
    pub hours: u32,
    /// For how many days a good one is kept.
    pub keep: i64,
    /// How its vault is locked.
    pub lock: Lock,
    /// A copy elsewhere may stand for it, with data twice as old.
    pub or_copy: bool,
}

/// What is asked, and how old the newest recovery point may be, in hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Policy {
    pub plain: u32,
    pub gold: u32,
    pub keep: i64,
    pub lock: Lock,
    pub copies: bool,
}

impl Policy {
    /// `None`: no backup is asked for.
    pub fn ask(self, tier: Tier) -> Option<Ask> {
        let hours = match tier {
            Tier::Plain => self.plain,
            Tier::Gold => self.gold,
            Tier::Free => return None,
        };
        Some(Ask {
            hours,
            keep: self.keep,
            lock: self.lock,
            or_copy: self.copies,
        })
    }

    /// As people write it.
    pub fn text(self) -> String {
        let lock = match self.lock {
            Lock::None => "",
            Lock::Governance => "vault-lock = \"governance\"\n",
            Lock::Grace | Lock::Compliance => "vault-lock = \"compliance\"\n",
        };
        let copies = if self.copies { "accept-copies = true\n" } else { "" };
        format!(
            "[policy]\nrpo = \"{}h\"\nretention-min = \"{}d\"\n{lock}{copies}\
             [[policy.tier]]\nname = \"gold\"\nwhen = \"tag('tier') = 'gold'\"\nrpo = \"{}h\"\n\
             [[policy.tier]]\nname = \"free\"\nwhen = \"tag('tier') = 'free'\"\nexempt = true\nreason = \"made anew from seed data\"\n\
             approver = \"head of platform\"\nexpires = \"2027-06-30\"\nmax-tables = 1000\n",
            self.plain, self.keep, self.gold
        )
    }
}

/// What happens, twenty minutes after an hour. What is not possible then does not happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    Create(usize, Tier),
    Delete(usize),
    /// Deleted, and so many seconds later made anew, with its tags.
    Remake(usize, i64),
    /// The tag that plans go by: the number of a plan, or one that is in none.
    TagBackup(usize, usize),
    TagTier(usize, Tier),
    /// By hand: its newest recovery point.
    DropNewest(usize),
    /// All of them.
    DropAll(usize),
    /// All of them but those that are being made, every day at this hour, for so many days.
    DropDaily(usize, usize),
    /// By hand: the newest recovery point is kept for so many days.
    Keep(usize, i64),
    /// Into a vault, for so many days.
    OnDemand(usize, usize, i64),
    /// The same, and the table is made anew before the job starts.
    OnDemandAndRemake(usize, usize, i64),
    /// From now on a plan keeps what it makes for so many days.
    PlanKeeps(usize, i64),
    /// From now on a plan runs by this schedule.
    PlanRuns(usize, usize),
    Unselect(usize),
    Select(usize),
    OptIn(bool),
    Advanced(bool),
    Policy(Policy),
    /// A vault is locked in governance mode; or it is not locked any more.
    Lock(usize, bool),
    /// A vault is locked in compliance mode, for good three days later.
    LockForGood(usize),
    /// The key of the vault that has one of its own.
    Key(bool),
}

/// What a scan may not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Denied {
    Vault(usize),
    Vaults,
    Jobs,
    Tables,
    Table(usize),
    Plans,
    PlanVersions,
    Tags,
    Keys,
}

impl Denied {
    pub fn faults(self) -> Vec<String> {
        if self == Self::Tags {
            let of = |action: &str| format!(r#"{{"deny": "{action}", "resource": "*"}}"#);
            return ["tag:GetResources", "dynamodb:ListTagsOfResource"].map(of).to_vec();
        }
        vec![self.fault()]
    }

    fn fault(self) -> String {
        let of = |action: &str, resource: String| format!(r#"{{"deny": "{action}", "resource": "{resource}"}}"#);
        match self {
            Self::Vault(vault) => of(
                "backup:ListRecoveryPointsByBackupVault",
                format!("*:backup-vault:{}", VAULTS[vault]),
            ),
            Self::Vaults => of("backup:ListBackupVaults", "*".to_owned()),
            Self::Jobs => of("backup:ListBackupJobs", "*".to_owned()),
            Self::Tables => of("dynamodb:ListTables", "*".to_owned()),
            Self::Table(table) => of("dynamodb:DescribeTable", format!("*:table/{}", name(table))),
            Self::Plans => of("backup:GetBackupPlan", "*".to_owned()),
            Self::Tags => of("tag:GetResources", "*".to_owned()),
            Self::Keys => of("kms:DescribeKey", "*".to_owned()),
            Self::PlanVersions => of("backup:ListBackupPlanVersions", "*".to_owned()),
        }
    }
}

/// The vault that has a key of its own, in richer worlds.
pub const KEYED: usize = 1;
pub const KEY: &str = "vault-key";
/// The last one lies in another Region, and holds copies alone.
pub const VAULTS: [&str; 4] = ["main", "other", "empty", "elsewhere"];
pub const ELSEWHERE: usize = 3;
pub const PLANS: usize = 3;
pub const SCHEDULES: [&str; 4] = [
    "cron(0 5 ? * * *)",
    "cron(0 5 */2 * ? *)",
    "cron(0 2/12 ? * * *)",
    "cron(0 5 ? * MON *)",
];

/// One rule, and its selection by tag.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    pub schedule: usize,
    pub window: u32,
    pub keeps: i64,
    pub vault: usize,
}

#[derive(Debug, Clone, Copy)]
pub struct Table {
    /// The number of its plan; another number: in none.
    pub plan: usize,
    pub tier: Tier,
    pub gigabytes: u64,
}

/// All of it.
#[derive(Debug, Clone)]
pub struct Script {
    pub seed: u64,
    pub hours: usize,
    pub random_starts: bool,
    pub policy: Policy,
    pub plans: Vec<Plan>,
    pub tables: Vec<Table>,
    /// By hour.
    pub acts: Vec<(usize, Act)>,
    /// Hours of scans, forty minutes after.
    pub looks: Vec<(usize, Option<Denied>)>,
    /// For how many days the copies of each plan are kept elsewhere, where it makes any.
    pub copies: Vec<Option<i64>>,
    /// The vault elsewhere is locked.
    pub is_elsewhere_locked: bool,
}

pub fn name(table: usize) -> String {
    format!("table-{table}")
}

impl Script {
    /// The script of a seed.
    pub fn of(seed: u64) -> Self {
        let r = &mut Random::new(seed);
        let hours = 24 * r.between(36, 64);
        let plans = (0..PLANS)
            .map(|plan| Plan {
                schedule: if plan == 0 { 0 } else { r.below(SCHEDULES.len()) },
                window: r.pick(&[60, 60, 480]),
                keeps: r.pick(&[1, 2, 3, 7, 14, 35, 100]),
                vault: r.below(2),
            })
            .collect();
        let count = r.between(4, 8);
        let tables = (0..count).map(|_| Table {
            plan: r.pick(&[0, 0, 0, 1, 1, 2, PLANS]),
            tier: r.pick(&[Tier::Plain, Tier::Plain, Tier::Plain, Tier::Gold, Tier::Free]),
            gigabytes: r.pick(&[0, 0, 1, 500, 2500]),
        });
        let tables = tables.collect();
        let policy = any_policy(r, seed);
        let mut acts: Vec<(usize, Act)> = (0..r.between(6, 30))
            .map(|_| {
                // The hours of backups weigh more.
                let hour = if r.chance(40) {
                    24 * r.below(hours / 24) + 17 + r.below(4)
                } else {
                    r.between(1, hours)
                };
                (hour.min(hours - 1), any_act(r, count, seed))
            })
            .collect();
        acts.sort_by_key(|(hour, _)| *hour);
        let mut looks: Vec<(usize, Option<Denied>)> = (0..r.between(3, 8))
            .map(|_| {
                let hour = if r.chance(30) {
                    24 * r.below(hours / 24) + 17 + r.below(8)
                } else {
                    r.between(1, hours)
                };
                (
                    hour.min(hours),
                    r.chance(40).then(|| any_denied(r, count, seed >= WIDER)),
                )
            })
            .collect();
        looks.push((hours, r.chance(20).then(|| any_denied(r, count, seed >= WIDER))));
        looks.sort_by_key(|(hour, _)| *hour);
        looks.dedup_by_key(|(hour, _)| *hour);
        Self {
            seed,
            hours,
            random_starts: r.chance(50),
            policy,
            plans,
            tables,
            acts,
            looks,
            copies: (0..PLANS)
                .map(|_| (seed >= COPYING && r.chance(70)).then(|| r.pick(&[1, 3, 14, 35])))
                .collect(),
            is_elsewhere_locked: seed >= COPYING && r.chance(50),
        }
    }

    /// The world that it begins with.
    pub fn world(&self) -> String {
        let regions = if self.seed >= COPYING {
            "\"eu-west-1\", \"us-east-1\""
        } else {
            "\"eu-west-1\""
        };
        let mut world = format!(
            "now = \"{START}\"\nfrozen = true\nhistory-days = 40\nseed = {}\n[jobs]\nrandom-starts = {}\ncreated-seconds = 600\n\
             [[account]]\nid = \"111122223333\"\nregions = [{regions}]\n",
            self.seed + 1,
            self.random_starts
        );
        if self.seed >= RICHER {
            world += &format!("[[key]]\n{HERE}name = \"{KEY}\"\n");
        }
        if self.seed >= COPYING {
            let lock = if self.is_elsewhere_locked {
                "lock = \"governance\"\n"
            } else {
                ""
            };
            let place = "account = \"111122223333\"\nregion = \"us-east-1\"\n";
            world += &format!("[[vault]]\n{place}name = \"{}\"\n{lock}", VAULTS[ELSEWHERE]);
        }
        for (number, vault) in VAULTS[..ELSEWHERE].iter().enumerate() {
            world += &format!("[[vault]]\n{HERE}name = \"{vault}\"\n");
            if self.seed >= RICHER && number == KEYED {
                world += &format!("key = \"{KEY}\"\n");
            }
        }
        for (number, plan) in self.plans.iter().enumerate() {
            let copy = self.copies[number].map_or_else(String::new, |days| {
                let vault = VAULTS[ELSEWHERE];
                format!(
                    "copy-to = [{{ vault-arn = \"arn:aws:backup:us-east-1:{{account}}:backup-vault:{vault}\", \
                     delete-after-days = {days} }}]\n"
                )
            });
            world += &format!(
                "[[plan]]\n{HERE}name = \"plan-{number}\"\n[[plan.rule]]\nname = \"rule\"\nvault = \"{}\"\nschedule = \"{}\"\n\
                 start-window-minutes = {}\ndelete-after-days = {}\n{copy}\
                 [[plan.selection]]\nname = \"tagged\"\ntags = [{{ key = \"backup\", value = \"plan-{number}\" }}]\n",
                VAULTS[plan.vault], SCHEDULES[plan.schedule], plan.window, plan.keeps
            );
        }
        for (number, table) in self.tables.iter().enumerate() {
            world += &format!(
                "[[table]]\n{HERE}name = \"{}\"\ncreated-days-ago = 100\nsize-bytes = {}\nitem-count = 10\n\
                 tags = {{ backup = \"plan-{}\", tier = \"{}\" }}\n",
                name(number),
                table.gigabytes * 1_000_000_000,
                table.plan,
                table.tier.tag()
            );
        }
        world
    }
}

fn any_policy(r: &mut Random, seed: u64) -> Policy {
    let (plain, gold) = (r.pick(&[20, 25, 26, 33, 36, 50, 72, 170]), r.pick(&[6, 14, 25, 48]));
    if seed < RICHER {
        // Every retention meets it: what is asked is age alone.
        return Policy {
            plain,
            gold,
            keep: 1,
            lock: Lock::None,
            copies: false,
        };
    }
    Policy {
        plain,
        gold,
        keep: r.pick(&[1, 1, 3, 7, 14, 35]),
        lock: r.pick(&[Lock::None, Lock::None, Lock::Governance, Lock::Compliance]),
        copies: seed >= COPYING && r.chance(60),
    }
}

fn any_act(r: &mut Random, tables: usize, seed: u64) -> Act {
    if seed >= RICHER && r.chance(40) {
        return match r.below(10) {
            0..=2 => Act::Lock(r.below(2), true),
            3 | 4 => Act::Lock(r.below(2), false),
            5 => Act::LockForGood(r.below(2)),
            6 | 7 => Act::Key(r.chance(40)),
            8 => Act::Keep(r.below(tables), r.pick(&[2, 7, 35])),
            _ => Act::Policy(any_policy(r, seed)),
        };
    }
    let table = r.below(tables);
    let days = r.pick(&[1, 2, 3, 7, 14, 35, 100]);
    let tier = r.pick(&[Tier::Plain, Tier::Plain, Tier::Gold, Tier::Free]);
    match r.below(25) {
        0 => Act::Create(table, tier),
        1 | 2 => Act::Delete(table),
        3..=5 => Act::Remake(table, r.pick(&[3, 5, 60, 500])),
        6 => Act::TagBackup(table, r.below(PLANS + 1)),
        7 | 8 => Act::TagTier(table, tier),
        9 | 10 => Act::DropNewest(table),
        11 => Act::DropAll(table),
        12 => Act::DropDaily(table, r.between(2, 12)),
        13 => Act::Keep(table, days),
        14 => Act::OnDemand(table, r.below(2), days),
        15 => Act::OnDemandAndRemake(table, r.below(2), days),
        16 | 17 => Act::PlanKeeps(r.below(PLANS), days),
        18 => Act::PlanRuns(r.below(PLANS), r.below(SCHEDULES.len())),
        19 => Act::Unselect(r.below(PLANS)),
        20 => Act::Select(r.below(PLANS)),
        21 => Act::OptIn(r.chance(50)),
        22 => Act::Advanced(r.chance(50)),
        _ => Act::Policy(any_policy(r, seed)),
    }
}

/// Scripts of seeds from here on have more kinds of trouble. Those below stay what they were: some were once got wrong.
pub const WIDER: u64 = 1000;

/// From here on what is asked of points beside their age, locks, keys and retentions change too.
pub const RICHER: u64 = 2000;

/// From here on plans copy to another Region, and copies may stand for points at home.
pub const COPYING: u64 = 3000;

fn any_denied(r: &mut Random, tables: usize, is_wider: bool) -> Denied {
    match r.below(if is_wider { 12 } else { 9 }) {
        9 | 10 => Denied::Tags,
        11 => Denied::Keys,
        0..=2 => Denied::Vault(r.below(ELSEWHERE)),
        3 => Denied::Vaults,
        4 => Denied::Jobs,
        5 => Denied::Tables,
        6 => Denied::Table(r.below(tables)),
        7 => Denied::Plans,
        _ => Denied::PlanVersions,
    }
}
