//! The write of Route 53: a batch for names of one zone, sent once.

use aws_sdk_route53::types::{Change, ChangeBatch};
use weir_engine::dns::{ChangeId, RecordChange, ZoneId};
use weir_engine::fact::{AwsError, ErrorKind};
use weir_engine::write::RecordsWrite;

use super::{CHANGE, Route53, shapes};
use crate::budget::CallToken;
use crate::errors::Effect;
use crate::receipt::Receipt;

impl Route53 {
    /// Replaces what stands at names of a zone: all of it, or nothing. The token has been acquired.
    pub(crate) async fn replace(
        &self,
        zone: &ZoneId,
        writes: &[&RecordsWrite],
        call_token: &mut CallToken,
    ) -> Result<Receipt, AwsError> {
        let changes = writes.iter().flat_map(|write| write.batch.changes()).map(changed).collect::<Result<_, _>>()?;
        let batch = ChangeBatch::builder().set_changes(Some(changes)).build();
        let batch = batch.map_err(|error| unfit(error.to_string()))?;
        let request = self.writer.change_resource_record_sets().hosted_zone_id(zone.as_str()).change_batch(batch);
        let send = |attempts| request.clone().customize().interceptor(attempts).send();
        let taken = self.caller.call(CHANGE, Effect::Write, call_token, send).await?;
        let change = taken.change_info().map(|info| ChangeId::new(info.id()));
        Ok(Receipt { change: change.filter(|change| !change.as_str().is_empty()), ..Receipt::of(&taken) })
    }
}

fn changed(change: RecordChange<'_>) -> Result<Change, AwsError> {
    let (RecordChange::Create(record) | RecordChange::Delete(record)) = change;
    let changed = shapes::change(change).ok_or_else(|| {
        let (kind, name) = (&record.kind, &record.name);
        unfit(format!("the {kind} record {name} is chosen by a policy other than weight and cannot be written"))
    })?;
    changed.map_err(|error| unfit(error.to_string()))
}

/// What cannot be sent.
fn unfit(message: String) -> AwsError {
    AwsError { kind: ErrorKind::Invalid, operation: CHANGE.to_owned(), message }
}
