//! The keys that a project's data is sealed with.

use cp_store::{DataKeyInfo, Genesis};
use cp_traffic::{Resealed, TrafficStore};

use crate::access::Action;
use crate::act::Event;
use crate::{App, AppError, Ctx};

/// What a step of a rotation came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RotationStep {
    /// The name of the new key.
    pub key: String,
    /// Its generation.
    pub generation: u64,
    /// Values sealed anew so far.
    pub resealed: u64,
    /// How many there may be in all.
    pub total: u64,
    /// The old keys, once they are destroyed: then all is done.
    pub destroyed: Option<Vec<String>>,
}

impl App {
    /// The project's keys, those destroyed too.
    pub async fn list_data_keys(&self, ctx: &Ctx) -> Result<Vec<DataKeyInfo>, AppError> {
        ctx.require(Action::RotateKeys)?;
        Ok(cp_store::list_data_keys(&self.parts.db, ctx.scope).await?)
    }

    /// The next step of a rotation; the first where none is under way. Broken off anywhere, it goes on with the next call.
    pub async fn rotate_data_key(&self, ctx: &Ctx) -> Result<RotationStep, AppError> {
        ctx.require(Action::RotateKeys)?;
        let mut tx = self.parts.db.begin_read(ctx.scope).await?;
        let rotation = cp_store::find_rotation(&mut tx, ctx.scope).await?;
        drop(tx);
        let rotation = match rotation {
            Some(rotation) => rotation,
            None => {
                let mut act = self.begin(ctx, Action::RotateKeys).await?;
                let genesis = self.genesis();
                let rotation = cp_store::begin_rotation(act.tx(), &genesis, ctx.scope).await?;
                TrafficStore::require_key(act.tx(), ctx.scope, rotation.key).await?;
                act.commit(Event::new("data_key.rotate", rotation.key)).await?;
                rotation
            }
        };
        // Another node may have begun it.
        cp_store::refresh_keys(&self.parts.db, &self.parts.master, &self.parts.ring).await?;
        let of_library = self.reseal_library(ctx).await?;
        if of_library > 0 {
            let resealed = rotation.resealed + of_library;
            let total = resealed + self.parts.traffic.count_sealed(ctx.scope).await?;
            let (key, generation) = (rotation.key.to_string(), rotation.generation);
            return Ok(RotationStep { key, generation, resealed, total, destroyed: None });
        }
        let step = self.parts.traffic.reseal(ctx.scope, rotation.place.as_deref()).await?;
        let mut told = RotationStep {
            key: rotation.key.to_string(),
            generation: rotation.generation,
            resealed: rotation.resealed + step.changed,
            total: self.parts.traffic.count_sealed(ctx.scope).await?,
            destroyed: None,
        };
        match step {
            Resealed { next: Some(place), changed, .. } => {
                let mut tx = self.parts.db.begin_write(ctx.scope).await?;
                cp_store::move_rotation(&mut tx, ctx.scope, place, changed).await?;
                tx.commit().await?;
            }
            Resealed { next: None, .. } => {
                let mut act = self.begin(ctx, Action::RotateKeys).await?;
                let now = self.parts.clock.now();
                let keys = self.keys_of(ctx).await?;
                cp_store::reseal_rest(act.tx(), &self.sealer(&keys), ctx.scope).await?;
                let destroyed = cp_store::finish_rotation(act.tx(), ctx.scope, now).await?;
                let names: Vec<_> = destroyed.iter().map(ToString::to_string).collect();
                act.commit(Event::new("data_key.destroy", names.join(" "))).await?;
                cp_store::refresh_keys(&self.parts.db, &self.parts.master, &self.parts.ring).await?;
                told.destroyed = Some(names);
            }
        }
        Ok(told)
    }

    /// Seals a part of the library anew; how much, which goes on record with how far the rotation is.
    async fn reseal_library(&self, ctx: &Ctx) -> Result<u64, AppError> {
        let keys = self.keys_of(ctx).await?;
        let mut tx = self.parts.db.begin_write(ctx.scope).await?;
        let resealed = cp_store::reseal_library(&mut tx, &self.sealer(&keys), ctx.scope).await?;
        cp_store::count_resealed(&mut tx, ctx.scope, resealed).await?;
        tx.commit().await?;
        Ok(resealed)
    }

    /// What keys are made from.
    pub(crate) fn genesis(&self) -> Genesis<'_> {
        Genesis {
            master: &self.parts.master,
            ids: &self.parts.ids,
            random: &self.parts.random,
            clock: &*self.parts.clock,
        }
    }
}
