//! Every text of an inventory, to be looked through or replaced: for copies that name no account.

use std::path::Path;

use polars::prelude::{Column, DataFrame, PolarsResult};

use super::cell::Kind;
use super::schema::{FRAMES, FrameSchema, Row as _, Target};
use super::store::{FrameWriter, ROW_GROUP, disk_problem, write_frame, write_manifest};
use super::{Inventory, Manifest};
use crate::problem::Problem;

impl Inventory {
    /// Hands over every text of every frame.
    ///
    /// Errors: a file is damaged.
    pub fn each_text(&self, with: &mut dyn FnMut(&str)) -> Result<(), Problem> {
        for frame in self.frames() {
            self.each_batch(frame, &[], |batch| {
                for column in texts_of(frame) {
                    batch.column(column)?.str()?.iter().flatten().for_each(&mut *with);
                }
                Ok(())
            })?;
        }
        Ok(())
    }

    /// Writes a copy into the empty folder `to`: every text replaced by `map`, with targets and manifest as given.
    ///
    /// Errors: a file is damaged, or the disk refused.
    pub(crate) fn rewritten(
        &self,
        to: &Path,
        map: &dyn Fn(&str) -> String,
        targets: Vec<Target>,
        manifest: Manifest,
    ) -> Result<Self, Problem> {
        for frame in self.frames().filter(|frame| frame.name != Target::FRAME.name) {
            let disk = |error: &dyn std::fmt::Display| disk_problem(to, frame, &error.to_string());
            let mut writer = FrameWriter::open(to, frame, ROW_GROUP).map_err(|error| disk(&error))?;
            let mut refused = None;
            self.each_batch(frame, &[], |batch| {
                let batch = mapped(batch, frame, map)?;
                if refused.is_none() {
                    refused = writer.push(batch).err();
                }
                Ok(())
            })?;
            if let Some(error) = refused {
                return Err(disk(&error));
            }
            writer.finish().map_err(|error| disk(&error))?;
        }
        write_frame(to, std::iter::once(targets))?;
        write_manifest(to, &manifest)?;
        Ok(Self {
            dir: to.to_owned(),
            manifest,
        })
    }

    fn frames(&self) -> impl Iterator<Item = &'static FrameSchema> {
        let frames = FRAMES.iter().copied();
        frames.filter(|frame| self.manifest.frames.contains_key(frame.name))
    }
}

fn texts_of(frame: &FrameSchema) -> impl Iterator<Item = &'static str> {
    let texts = frame.columns.iter().filter(|column| column.kind == Kind::Text);
    texts.map(|column| column.name)
}

fn mapped(batch: &DataFrame, frame: &FrameSchema, map: &dyn Fn(&str) -> String) -> PolarsResult<DataFrame> {
    let mut copy = batch.clone();
    for name in texts_of(frame) {
        let texts: Vec<Option<String>> = batch.column(name)?.str()?.iter().map(|text| text.map(map)).collect();
        copy.with_column(Column::new(name.into(), texts))?;
    }
    Ok(copy)
}
