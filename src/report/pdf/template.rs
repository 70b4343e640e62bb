//! What a firm may change in the PDF without touching Rust.
//!
//! In: the text of `report-templates/pdf.toml`. Out: a [`Template`], or every mistake in words. It decides on looks and
//! on the order of the parts, never on verdicts.

use serde::Deserialize;

/// The template that is part of the program.
pub(super) const DEFAULT: &str = include_str!("../../../report-templates/pdf.toml");

/// One part after the cover.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Section {
    /// Totals, rules, coverage by target, policy.
    Summary,
    /// What is wrong or not known.
    Findings,
    /// Policy, tiers, waivers, and the control matrix.
    Controls,
    /// What was read and what was not.
    Coverage,
    /// Every table.
    Tables,
    /// How verdicts come about.
    Method,
}

impl Section {
    pub(super) const ALL: [Self; 6] = [
        Self::Summary,
        Self::Findings,
        Self::Controls,
        Self::Coverage,
        Self::Tables,
        Self::Method,
    ];

    /// As headings and bookmarks name it.
    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::Summary => "Summary",
            Self::Findings => "Findings",
            Self::Controls => "Policy and controls",
            Self::Coverage => "Coverage and gaps",
            Self::Tables => "Every table",
            Self::Method => "Method",
        }
    }
}

/// Width and height of a sheet, upright.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(super) enum PageSize {
    /// ISO 216.
    A4,
    /// ANSI A.
    Letter,
}

impl PageSize {
    /// Width and height in points.
    pub(super) const fn points(self) -> (f32, f32) {
        match self {
            Self::A4 => (595.28, 841.89),
            Self::Letter => (612.0, 792.0),
        }
    }
}

/// Red, green, blue, each from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Rgb(pub(super) [f32; 3]);

impl TryFrom<String> for Rgb {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not a colour such as `#1f3a5f`");
        let digits = text
            .strip_prefix('#')
            .filter(|digits| digits.len() == 6)
            .ok_or_else(wrong)?;
        let number = u32::from_str_radix(digits, 16).map_err(|_| wrong())?;
        let part = |shift: u32| ((number >> shift) & 0xff) as f32 / 255.0;
        Ok(Self([part(16), part(8), part(0)]))
    }
}

impl Rgb {
    /// The same hue on its way to white: 0 is the colour itself, 1 is white.
    pub(super) fn tint(self, towards_white: f32) -> Self {
        Self(self.0.map(|part| part + (1.0 - part) * towards_white))
    }
}

/// The colours that may be changed.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(super) struct Colours {
    pub(super) accent: Rgb,
    pub(super) non_compliant: Rgb,
    pub(super) unknown: Rgb,
    pub(super) compliant: Rgb,
    pub(super) not_applicable: Rgb,
}

impl Default for Colours {
    fn default() -> Self {
        Self {
            accent: Rgb([0.12, 0.23, 0.37]),
            non_compliant: Rgb([0.59, 0.13, 0.17]),
            unknown: Rgb([0.54, 0.35, 0.0]),
            compliant: Rgb([0.11, 0.42, 0.27]),
            not_applicable: Rgb([0.37, 0.40, 0.45]),
        }
    }
}

/// Everything a firm may change.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(super) struct Template {
    pub(super) title: String,
    pub(super) subtitle: String,
    pub(super) organisation: String,
    pub(super) marking: String,
    pub(super) sign_off: Vec<String>,
    pub(super) page_size: PageSize,
    pub(super) sections: Vec<Section>,
    pub(super) colours: Colours,
}

impl Default for Template {
    fn default() -> Self {
        Self {
            title: "Proof of backup".to_owned(),
            subtitle: "Amazon DynamoDB tables and AWS Backup".to_owned(),
            organisation: String::new(),
            marking: String::new(),
            sign_off: Vec::new(),
            page_size: PageSize::A4,
            sections: Section::ALL.to_vec(),
            colours: Colours::default(),
        }
    }
}

impl Template {
    /// Reads a template; the error says what is wrong and where.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let template: Self = toml::from_str(text).map_err(|error| format!("pdf.toml: {error}"))?;
        if let Some(twice) = Section::ALL
            .into_iter()
            .find(|section| template.sections.iter().filter(|s| *s == section).count() > 1)
        {
            return Err(format!(
                "pdf.toml: the part `{}` is listed more than once",
                twice.title()
            ));
        }
        Ok(template)
    }

    /// The parts that this template leaves out. The cover names them: nothing may go missing in silence.
    pub(super) fn left_out(&self) -> Vec<&'static str> {
        Section::ALL
            .into_iter()
            .filter(|section| !self.sections.contains(section))
            .map(Section::title)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_template_holds_and_mistakes_are_named() {
        let template = Template::parse(DEFAULT).expect("the shipped template");
        assert_eq!(template.sections, Section::ALL);
        assert!(template.left_out().is_empty());
        let error = Template::parse("titel = 'x'").expect_err("an unknown key");
        assert!(error.contains("titel"), "{error}");
        let error = Template::parse("[colours]\naccent = 'blue'").expect_err("not a colour");
        assert!(error.contains("`blue` is not a colour"), "{error}");
        let error = Template::parse("sections = ['summary', 'summary']").expect_err("twice");
        assert!(error.contains("more than once"), "{error}");
    }
}
