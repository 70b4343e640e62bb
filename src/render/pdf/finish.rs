//! From sheets to bytes: fonts, page tree, links, bookmarks, metadata, identifiers.
//!
//! Nothing here depends on a clock or on chance. printpdf fills the file identifier from a counter of the process, so it is
//! replaced by a digest of what the document says.

use std::collections::BTreeMap;
use std::io::Write;

use lopdf::{Dictionary, Document, Object, ObjectId, Stream, dictionary};
use printpdf::{FontId, Mm, Op, PdfDocument, PdfFont, PdfFontHandle, PdfPage, Pt, TextItem};
use sha2::{Digest, Sha256};

use super::archive::{self, About};
use super::doc::{Doc, Goal, Link, Sheet, Spot};
use super::fonts::{Codes, Face, Fonts};
use super::outline;
use super::press::{Layer, Place, Press, save_options};
use super::template::Template;
use crate::domain::rfc3339;
use crate::report::Report;

/// The name of the logo among the document's resources.
pub(crate) const LOGO: &str = "Logo";

/// Writes the file.
pub(crate) fn write(mut doc: Doc<'_>, about: &About, out: &mut dyn Write) -> Result<(), String> {
    doc.close_page();
    let Doc {
        fonts,
        template,
        mut codes,
        press,
        sheets,
        marks,
        rows,
        blocks,
        ..
    } = doc;
    let (sheets, streams) = print_frames(sheets, fonts, &mut codes, press)?;
    let (mut file, resources) = document(fonts, &codes).map_err(words)?;
    let id = Object::String(digest(&streams)[..16].to_vec(), lopdf::StringFormat::Hexadecimal);
    file.trailer.set("ID", Object::Array(vec![id.clone(), id]));
    if let Some(logo) = &template.logo {
        let mut picture = logo.stream();
        picture.compress().map_err(words)?;
        let picture = file.add_object(picture);
        let pictures = dictionary! { LOGO => picture };
        file.get_dictionary_mut(resources)
            .map_err(words)?
            .set("XObject", pictures);
    }
    let pages = page_tree(&mut file, resources, &sheets, streams).map_err(words)?;
    for (sheet, page) in sheets.iter().zip(&pages) {
        let links = sheet
            .links
            .iter()
            .filter_map(|link| annotation(link, (&rows, &blocks), &pages));
        let links: Vec<Object> = links.map(Object::Dictionary).collect();
        if !links.is_empty() {
            file.get_dictionary_mut(*page).map_err(words)?.set("Annots", links);
        }
    }
    let outline = outline::write(&mut file, &marks, &pages);
    describe(&mut file, about, outline).map_err(words)?;
    archive::complete(&mut file, about).map_err(words)?;
    file.version = "1.4".to_owned();
    let mut out = std::io::BufWriter::new(out);
    file.save_to(&mut out).and_then(|()| out.flush()).map_err(words)
}

fn words(error: impl std::fmt::Display) -> String {
    error.to_string()
}

/// Prints what was known late, and waits for everything.
fn print_frames(
    mut sheets: Vec<Sheet>,
    fonts: &Fonts,
    codes: &mut Codes,
    mut press: Press,
) -> Result<(Vec<Sheet>, BTreeMap<Place, Stream>), String> {
    for (index, sheet) in sheets.iter_mut().enumerate() {
        let frame = std::mem::take(&mut sheet.frame);
        press.print((index, Layer::Frame), frame.into_ops(fonts, codes));
    }
    Ok((sheets, press.finish()?))
}

fn digest(streams: &BTreeMap<Place, Stream>) -> [u8; 32] {
    let mut digest = Sha256::new();
    for stream in streams.values() {
        digest.update((stream.content.len() as u64).to_be_bytes());
        digest.update(&stream.content);
    }
    digest.finalize().into()
}

/// A document with the fonts and without a page, and the resources that every page has.
///
/// printpdf writes only fonts that a page uses, so one is made that shows each character once; it goes when the fonts are
/// in the file.
fn document(fonts: &Fonts, codes: &Codes) -> Result<(Document, ObjectId), Box<dyn std::error::Error>> {
    let mut pdf = PdfDocument::new("");
    let mut carrier = vec![Op::StartTextSection];
    let used = || Face::ALL.into_iter().filter(|face| !codes.shown(*face).is_empty());
    for face in used() {
        let id = FontId(face.resource().to_owned());
        let font = fonts.embed(face, codes)?;
        pdf.resources.fonts.map.insert(id.clone(), PdfFont::new(font));
        let font = PdfFontHandle::External(id);
        carrier.push(Op::SetFont { font, size: Pt(1.0) });
        let items = vec![TextItem::Text(codes.shown(face))];
        carrier.push(Op::ShowText { items });
    }
    carrier.push(Op::EndTextSection);
    pdf.pages.push(PdfPage::new(Mm(1.0), Mm(1.0), carrier));
    let mut warnings = Vec::new();
    let mut file = pdf.to_lopdf_document(&save_options(), &mut warnings);
    if let Some(warning) = warnings.first() {
        return Err(warning.msg.clone().into());
    }
    let carrier = file.page_iter().next().ok_or("the carrier of the fonts is missing")?;
    let page = file.get_dictionary(carrier)?.clone();
    let resources = page.get(b"Resources")?.as_reference()?;
    for gone in [carrier, page.get(b"Contents")?.as_reference()?] {
        file.objects.remove(&gone);
    }
    // Empty ones that no page needs.
    for kind in [&b"XObject"[..], b"ExtGState", b"Shading"] {
        let empty = file.get_dictionary_mut(resources)?.remove(kind);
        if let Some(Object::Reference(id)) = empty {
            file.objects.remove(&id);
        }
    }
    let names = file.get_dictionary(resources)?.get(b"Font")?.as_reference()?;
    for face in used() {
        let font = file
            .get_dictionary(names)?
            .get(face.resource().as_bytes())?
            .as_reference()?;
        let font = file.get_dictionary(font)?.clone();
        archive::list_glyphs(&mut file, &font, codes.glyph_count(face))?;
    }
    for object in file.objects.values_mut() {
        if let Ok(stream) = object.as_stream_mut() {
            stream.compress()?;
        }
    }
    Ok((file, resources))
}

/// Writes the pages and returns them in their order.
fn page_tree(
    file: &mut Document,
    resources: ObjectId,
    sheets: &[Sheet],
    mut streams: BTreeMap<Place, Stream>,
) -> Result<Vec<ObjectId>, lopdf::Error> {
    let root = file.catalog()?.get(b"Pages")?.as_reference()?;
    let mut pages = Vec::with_capacity(sheets.len());
    for (index, sheet) in sheets.iter().enumerate() {
        let contents: Vec<Object> = [Layer::Frame, Layer::Body]
            .into_iter()
            .filter_map(|layer| streams.remove(&(index, layer)))
            .map(|stream| file.add_object(stream).into())
            .collect();
        let sides = [0.0, 0.0, sheet.width, sheet.height].map(Object::Real);
        pages.push(file.add_object(dictionary! {
            "Type" => "Page",
            "Parent" => root,
            "MediaBox" => sides.to_vec(),
            "Resources" => resources,
            "Contents" => contents,
        }));
    }
    let tree = file.get_dictionary_mut(root)?;
    let kids: Vec<Object> = pages.iter().map(|page| Object::Reference(*page)).collect();
    tree.set("Count", i64::try_from(kids.len()).unwrap_or(i64::MAX));
    tree.set("Kids", kids);
    Ok(pages)
}

/// A link, unless what it leads to is left out of the document.
fn annotation(
    link: &Link,
    (rows, blocks): (&[Spot], &BTreeMap<usize, Spot>),
    pages: &[ObjectId],
) -> Option<Dictionary> {
    let spot = match link.goal {
        Goal::Spot(spot) => spot,
        Goal::Table(table) => *rows.get(table)?,
        Goal::Block(table) => *blocks.get(&table)?,
    };
    Some(dictionary! {
        "Type" => "Annot",
        "Subtype" => "Link",
        "Rect" => link.rect.map(Object::Real).to_vec(),
        "Border" => vec![0.into(), 0.into(), 0.into()],
        // Printed with the page; an archived document may not hide anything.
        "F" => 4,
        "Dest" => outline::destination(spot, pages),
    })
}

/// Title, author, dates. The dates are those of the evidence: a report made again later is the same report.
pub(crate) fn about(report: &Report, template: &Template) -> About {
    let program = format!("backproof {}", report.scan.tool_version);
    About {
        title: format!("{}: {}", template.title, template.subtitle),
        author: if template.organisation.is_empty() {
            program.clone()
        } else {
            template.organisation.clone()
        },
        subject: format!("Evidence on backups of DynamoDB tables, scan {}", report.scan.id),
        keywords: "DynamoDB, AWS Backup, audit evidence".to_owned(),
        creator: program,
        producer: "printpdf".to_owned(),
        at: rfc3339(report.scan.as_of).replace('Z', "+00:00"),
    }
}

/// What the catalog says beside the pages (bookmarks open, English, the title in the window's head), and the metadata of
/// old, which say the same as those for the archive.
fn describe(file: &mut Document, about: &About, outline: Option<ObjectId>) -> Result<(), lopdf::Error> {
    let catalog = file.catalog_mut()?;
    catalog.set("Lang", Object::string_literal("en"));
    catalog.set("ViewerPreferences", dictionary! { "DisplayDocTitle" => true });
    if let Some(outline) = outline {
        catalog.set("Outlines", outline);
        catalog.set("PageMode", "UseOutlines");
    }
    let digits: String = about.at.chars().take(19).filter(char::is_ascii_digit).collect();
    let at = Object::string_literal(format!("D:{digits}+00'00'"));
    let info = file.trailer.get(b"Info")?.as_reference()?;
    let text = |text: &str| outline::text(text);
    file.set_object(
        info,
        dictionary! {
            "Title" => text(&about.title),
            "Author" => text(&about.author),
            "Subject" => text(&about.subject),
            "Keywords" => text(&about.keywords),
            "Creator" => text(&about.creator),
            "Producer" => text(&about.producer),
            "CreationDate" => at.clone(),
            "ModDate" => at,
        },
    );
    Ok(())
}
