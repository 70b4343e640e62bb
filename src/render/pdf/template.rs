//! What a firm may change in the PDF without touching Rust.
//!
//! In: the text of `report-templates/pdf.toml`. Out: a [`Template`], or every mistake in words. It decides on looks and
//! on the order of the parts, never on verdicts.

use crate::problem::Problem;
use crate::render::pdf::logo::Logo;
use crate::text::{list, nearest};
use crate::toml_reader::{Section as Keys, read_document};

/// One part after the cover.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    /// Who approved the policy, who answers for exceptions, room for management's response.
    Approval,
    /// Totals, ages, rules, verdicts by target.
    Summary,
    /// The heat map table × day.
    Days,
    /// The control matrix of each framework.
    Controls,
    /// What is wrong or not known.
    Findings,
    /// Policy, tiers, exemptions, waivers.
    Policy,
    /// What was read and what was not.
    Coverage,
    /// How verdicts come about.
    Method,
    /// Every table.
    Tables,
}

impl Section {
    pub(crate) const ALL: [Self; 9] = [
        Self::Approval,
        Self::Findings,
        Self::Summary,
        Self::Days,
        Self::Controls,
        Self::Policy,
        Self::Coverage,
        Self::Method,
        Self::Tables,
    ];

    /// As `sections` names it.
    const fn key(self) -> &'static str {
        match self {
            Self::Approval => "approval",
            Self::Summary => "summary",
            Self::Days => "days",
            Self::Controls => "controls",
            Self::Findings => "findings",
            Self::Policy => "policy",
            Self::Coverage => "coverage",
            Self::Method => "method",
            Self::Tables => "tables",
        }
    }

    /// As headings and bookmarks name it.
    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::Approval => "Approval and response",
            Self::Summary => "Summary",
            Self::Days => "Day by day",
            Self::Controls => "Control matrix",
            Self::Findings => "What needs action",
            Self::Policy => "Policy and waivers",
            Self::Coverage => "Coverage and gaps",
            Self::Method => "Method",
            Self::Tables => "Every table",
        }
    }
}

/// Width and height of a sheet, upright.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PageSize {
    /// ISO 216.
    A4,
    /// ANSI A.
    Letter,
}

impl PageSize {
    /// Width and height in points.
    pub(crate) const fn points(self) -> (f32, f32) {
        match self {
            Self::A4 => (595.28, 841.89),
            Self::Letter => (612.0, 792.0),
        }
    }
}

/// Red, green, blue, each from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rgb(pub(crate) [f32; 3]);

/// The least contrast against white at which running text can be read (WCAG 2, level AA).
const LEAST_CONTRAST: f32 = 4.5;

impl Rgb {
    const fn of(number: u32) -> Self {
        Self([
            ((number >> 16) & 0xff) as f32 / 255.0,
            ((number >> 8) & 0xff) as f32 / 255.0,
            (number & 0xff) as f32 / 255.0,
        ])
    }

    fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('#').filter(|digits| digits.len() == 6)?;
        let is_hex = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        let number = u32::from_str_radix(digits, 16).ok().filter(|_| is_hex)?;
        Some(Self::of(number))
    }

    /// The same hue on its way to white: 0 is the colour itself, 1 is white.
    pub(crate) fn tint(self, towards_white: f32) -> Self {
        Self(self.0.map(|part| part + (1.0 - part) * towards_white))
    }

    /// Contrast against white, from 1 to 21.
    fn contrast(self) -> f32 {
        let linear = self.0.map(|part| {
            if part <= 0.040_45 {
                part / 12.92
            } else {
                ((part + 0.055) / 1.055).powf(2.4)
            }
        });
        let luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
        1.05 / (luminance + 0.05)
    }
}

/// The colours that may be changed.
#[derive(Debug, Clone, PartialEq)]
pub struct Colours {
    pub accent: Rgb,
    pub non_compliant: Rgb,
    pub unknown: Rgb,
    pub compliant: Rgb,
    pub not_applicable: Rgb,
}

impl Default for Colours {
    fn default() -> Self {
        Self {
            accent: Rgb::of(0x1f_3a5f),
            non_compliant: Rgb::of(0x96_212b),
            unknown: Rgb::of(0x8a_5a00),
            compliant: Rgb::of(0x1d_6b45),
            not_applicable: Rgb::of(0x5f_6773),
        }
    }
}

/// Everything a firm may change in the PDF.
#[derive(Debug, Clone, PartialEq)]
pub struct Template {
    pub(crate) title: String,
    pub(crate) subtitle: String,
    pub(crate) organisation: String,
    pub(crate) marking: String,
    pub(crate) statement: String,
    pub(crate) footer: String,
    pub(crate) sign_off: Vec<String>,
    pub(crate) page_size: PageSize,
    pub(crate) sections: Vec<Section>,
    pub(crate) colours: Colours,
    logo_file: String,
    pub(crate) logo: Option<Logo>,
    /// What the cover says of templates that are not the program's; empty: these are.
    pub(crate) mark: String,
    /// A signature over the pack that the document lies in was asked for.
    pub(crate) is_to_be_signed: bool,
    /// How much of the findings is printed.
    pub(crate) detail: Detail,
}

/// How much of the findings a document prints.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Detail {
    /// What needs action, once for each reason.
    #[default]
    Brief,
    /// Every finding that is not good news as well, advised ones among them, each with the facts behind it.
    Full,
}

impl Default for Template {
    fn default() -> Self {
        Self {
            title: "Proof of backup".to_owned(),
            subtitle: "Amazon DynamoDB tables and AWS Backup".to_owned(),
            organisation: String::new(),
            marking: String::new(),
            statement: String::new(),
            footer: String::new(),
            sign_off: ["Prepared by", "Reviewed by"].map(str::to_owned).to_vec(),
            page_size: PageSize::A4,
            sections: Section::ALL.to_vec(),
            colours: Colours::default(),
            logo_file: String::new(),
            logo: None,
            mark: String::new(),
            is_to_be_signed: false,
            detail: Detail::default(),
        }
    }
}

impl Template {
    /// Reads a template; `origin` is its name in messages.
    ///
    /// Errors: every mistake, each with its line.
    pub fn parse(origin: &str, text: &str) -> Result<Self, Vec<Problem>> {
        let (template, problems) = read_document(origin, text, |keys| {
            let mut template = Self::default();
            for (key, place) in [
                ("title", &mut template.title),
                ("subtitle", &mut template.subtitle),
                ("organisation", &mut template.organisation),
                ("marking", &mut template.marking),
                ("statement", &mut template.statement),
                ("footer", &mut template.footer),
                ("logo", &mut template.logo_file),
            ] {
                if let Some(text) = keys.string(key) {
                    *place = text.value;
                }
            }
            if let Some(roles) = keys.strings("sign-off") {
                template.sign_off = roles.into_iter().map(|role| role.value).collect();
            }
            if let Some(size) = page_size(keys) {
                template.page_size = size;
            }
            if let Some(sections) = sections(keys) {
                template.sections = sections;
            }
            if let Some(keys) = keys.section("colours") {
                colours(&keys, &mut template.colours);
                keys.finish();
            }
            template
        });
        template.filter(|_| problems.is_empty()).ok_or(problems)
    }

    /// Follows what was typed, and what the manifest of a pack says of it: whoever writes the document again gets the same.
    pub(crate) fn set_typed(&mut self, command_line: &[String]) {
        let value_of = |flag: &str| {
            let joined = |arg: &String| arg.strip_prefix(flag)?.strip_prefix('=').map(str::to_owned);
            let place = command_line.iter().position(|arg| arg == flag);
            let apart = place.and_then(|place| command_line.get(place + 1).cloned());
            command_line.iter().find_map(joined).or(apart)
        };
        self.is_to_be_signed = value_of("--sign").is_some();
        self.detail = match value_of("--pdf-detail").as_deref() {
            Some("full") => Detail::Full,
            _ => Detail::Brief,
        };
    }

    /// The file of the logo, beside the template; none if there is no logo.
    pub(crate) fn logo_file(&self) -> Option<&str> {
        Some(self.logo_file.as_str()).filter(|name| !name.is_empty())
    }

    /// Puts the logo's picture on the cover.
    pub(crate) fn set_logo(&mut self, logo: Logo) {
        self.logo = Some(logo);
    }

    /// The parts that this template leaves out. The cover names them: nothing may go missing in silence.
    pub(crate) fn left_out(&self) -> Vec<&'static str> {
        Section::ALL
            .into_iter()
            .filter(|section| !self.sections.contains(section))
            .map(Section::title)
            .collect()
    }
}

fn page_size(keys: &Keys<'_>) -> Option<PageSize> {
    let size = keys.string("page-size")?;
    match size.value.as_str() {
        "A4" => Some(PageSize::A4),
        "Letter" => Some(PageSize::Letter),
        other => {
            let what = format!("`{other}` is not a page size");
            keys.note(size.offset, what, "", "it is `A4` or `Letter`");
            None
        }
    }
}

fn sections(keys: &Keys<'_>) -> Option<Vec<Section>> {
    let mut sections = Vec::new();
    for name in keys.strings("sections")? {
        let names = Section::ALL.map(Section::key);
        match Section::ALL.into_iter().find(|section| section.key() == name.value) {
            Some(section) if sections.contains(&section) => {
                let what = format!("the part `{}` is listed more than once", name.value);
                keys.note(name.offset, what, "", "");
            }
            Some(section) => sections.push(section),
            None => {
                let hint = match nearest(&name.value, names.into_iter()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("the parts are {}", list(&names)),
                };
                keys.note(name.offset, format!("`{}` is not a part", name.value), "", hint);
            }
        }
    }
    Some(sections)
}

fn colours(keys: &Keys<'_>, colours: &mut Colours) {
    for (key, place) in [
        ("accent", &mut colours.accent),
        ("non-compliant", &mut colours.non_compliant),
        ("unknown", &mut colours.unknown),
        ("compliant", &mut colours.compliant),
        ("not-applicable", &mut colours.not_applicable),
    ] {
        let Some(text) = keys.string(key) else { continue };
        let path = keys.path_of(key);
        match Rgb::parse(&text.value) {
            None => {
                let what = format!("`{path}` is not a colour");
                keys.note(
                    text.offset,
                    what,
                    format!("it is `{}`", text.value),
                    "write it like `#1f3a5f`",
                );
            }
            Some(colour) if colour.contrast() < LEAST_CONTRAST => {
                let what = format!("`{path}` is too light to read on white");
                let why = format!(
                    "its contrast is {:.1} to 1, and text needs {LEAST_CONTRAST} to 1",
                    colour.contrast()
                );
                keys.note(text.offset, what, why, "choose a darker colour");
            }
            Some(colour) => *place = colour,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_template_is_the_default() {
        let shipped = include_str!("../../../report-templates/pdf.toml");
        let template = Template::parse("pdf.toml", shipped).expect("the shipped template");
        assert_eq!(template, Template::default());
        assert!(template.left_out().is_empty());
    }

    #[test]
    fn mistakes_are_named_with_their_line_all_at_once() {
        let text = "titel = 'x'\nsections = ['summary', 'summary', 'finding']\npage-size = 'a4'\n[colours]\naccent = 'blue'\nunknown = '#ffffff'\nhue = 1";
        let problems = Template::parse("pdf.toml", text).expect_err("mistakes");
        let all: String = problems.iter().map(|problem| format!("{problem}\n")).collect();
        for part in [
            "`titel` is not a setting\n  where: pdf.toml:1",
            "the part `summary` is listed more than once\n  where: pdf.toml:2",
            "`finding` is not a part\n  where: pdf.toml:2\nhint: did you mean `findings`?",
            "`a4` is not a page size\n  where: pdf.toml:3",
            "`colours.accent` is not a colour\n  where: pdf.toml:5",
            "`colours.unknown` is too light to read on white\n  where: pdf.toml:6",
            "`colours.hue` is not a setting\n  where: pdf.toml:7",
        ] {
            assert!(all.contains(part), "`{part}` is missing from\n{all}");
        }
        assert_eq!(problems.len(), 7, "{all}");
    }
}
