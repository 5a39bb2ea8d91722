//! Promises, and what became of them.

/// A promise, and what was measured.
pub(super) struct Verdict {
    pub(super) what: String,
    pub(super) is: f64,
    pub(super) bound: Bound,
}

pub(super) enum Bound {
    AtLeast(f64),
    AtMost(f64),
}

impl Verdict {
    /// What wasn't measured is not met.
    pub(super) fn is_met(&self) -> bool {
        match self.bound {
            Bound::AtLeast(least) => self.is >= least,
            Bound::AtMost(most) => self.is <= most,
        }
    }

    fn print(&self) {
        let bound = match self.bound {
            Bound::AtLeast(least) => format!("at least {least}"),
            Bound::AtMost(most) => format!("at most {most}"),
        };
        let met = match self.is_met() {
            true => "met",
            false if self.is.is_nan() => "not measured",
            false => "MISSED",
        };
        println!("{:<62} {:>8.2}   {bound:<14} {met}", self.what, self.is);
    }
}

/// Prints them; whether all are met.
pub(super) fn judge(verdicts: &[Verdict]) -> bool {
    println!();
    verdicts.iter().for_each(Verdict::print);
    let missed = verdicts.iter().filter(|verdict| !verdict.is_met()).count();
    println!("{} of {} figures are met", verdicts.len() - missed, verdicts.len());
    missed == 0
}
