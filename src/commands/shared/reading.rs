//! How tables are read for a digest or a comparison, from the command line.

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use crate::drill::compare::{Progress, Step, Wish};
use crate::problem::{Outcome, Problem, count, one_line};
use crate::stderr::shows_progress_bar;

/// How to read tables whole.
#[derive(Debug, Args, Clone)]
pub struct ReadingArgs {
    /// Read capacity units a second that reading each table may take. Without this flag: a quarter of what it is provisioned with,
    /// and 3000 on demand.
    #[arg(long, value_name = "UNITS")]
    pub read_rate: Option<f64>,
    /// Read a table in so many segments at once.
    #[arg(long, value_name = "NUMBER", default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub segments: u32,
    /// Read strongly consistently, at twice the price.
    #[arg(long)]
    pub consistent: bool,
}

impl ReadingArgs {
    /// The wish that they make.
    ///
    /// Errors: the rate is no number above 0.
    pub(crate) fn wish(&self) -> Outcome<Wish> {
        if let Some(rate) = self.read_rate.filter(|rate| !rate.is_finite() || *rate <= 0.0) {
            return Err(Problem::usage("`--read-rate` is not a rate")
                .why(format!("{rate} is not above 0"))
                .hint("write read capacity units a second, such as `--read-rate 500`")
                .into());
        }
        Ok(Wish {
            segments: self.segments,
            rate: self.read_rate,
            is_consistent: self.consistent,
            ..Wish::default()
        })
    }
}

/// A line at the terminal that says how far reading a table has come; gone with its value.
pub(crate) struct ReadingBar {
    bar: ProgressBar,
    table: String,
}

impl ReadingBar {
    pub(crate) fn new(table: &str) -> Self {
        let bar = match shows_progress_bar() {
            true => ProgressBar::new_spinner(),
            false => ProgressBar::hidden(),
        };
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {elapsed}") {
            bar.set_style(style);
        }
        Self {
            bar,
            table: one_line(table),
        }
    }

    /// Shows how far it has come.
    pub(crate) fn tell(&self, progress: Progress) {
        let what = match progress.step {
            Step::Reading => "reading",
            Step::Finding => "reading once more, for what differs:",
        };
        let items = progress.restored + progress.other;
        let items = count(usize::try_from(items).unwrap_or(usize::MAX), "item");
        self.bar.set_message(format!("{what} {}: {items}", self.table));
        self.bar.tick();
    }
}

impl Drop for ReadingBar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
