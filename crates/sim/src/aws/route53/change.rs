//! `ChangeResourceRecordSets`.

use std::sync::Arc;

use super::super::effect::Writer;
use super::super::protocol::{Input, Output};
use super::super::refusal::{Refusal, Refused};
use super::super::xml::Xml;
use super::Route53;
use super::alias::Balancers;
use super::batch::{Action, Batch};
use super::judge::{self, Ground};
use super::record::Record;
use super::zones::zone_of;

impl Route53 {
    pub(super) fn change_resource_record_sets(
        &mut self,
        input: &Input,
        writer: &Writer,
        balancers: &Balancers,
    ) -> Result<Output, Refused> {
        let batch = Batch::read(input)?;
        let info = self.change_records(zone_of(input)?, &batch, writer, balancers)?;
        Ok(Output::Document(vec![info]))
    }

    /// Makes the changes of a batch, if AWS would.
    pub(super) fn change_records(
        &mut self,
        zone: &str,
        batch: &Batch,
        writer: &Writer,
        balancers: &Balancers,
    ) -> Result<Xml, Refused> {
        self.zone(zone)?.check_free(writer.now)?;
        for change in batch.changes.iter().filter(|change| change.action != Action::Delete) {
            if let Some(id) = &change.record.health_check {
                self.health_check(id)?;
            }
        }
        let busy = self.busy_with(batch.changes.len());
        let Self { zones, options, .. } = self;
        let found = zones.get_mut(zone).ok_or_else(|| super::no_zone(zone))?;
        let before = match judge::apply(found, batch, &Ground { options, balancers }) {
            Ok(before) => before,
            Err(errors) => return Err(refused(&errors, options.old_error_form)),
        };
        for (set, before) in &before {
            let after: Vec<Arc<Record>> = found.set(set).cloned().collect();
            balancers.note(writer, found, set, (before, &after));
        }
        if !writer.at_once {
            found.busy_until = writer.now + busy;
        }
        Ok(self.submit(writer, zone, before, batch.comment.clone()))
    }
}

/// How AWS refuses a batch.
fn refused(errors: &[String], in_old_form: bool) -> Refused {
    let refusal = Refusal::new("InvalidChangeBatch", format!("[{}]", errors.join(", ")));
    let messages = Xml::of("Messages", errors.iter().map(|error| Xml::text("Message", error)).collect());
    let root = in_old_form.then(|| Xml::of("InvalidChangeBatch", vec![messages]));
    Refused { refusal, root }
}
