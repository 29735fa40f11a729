//! What one unit costs, by what it is.

use std::collections::BTreeMap;
use std::fmt;

use cp_base::UsdNanos;

macro_rules! rate_kinds {
    ($($(#[$doc:meta])* $kind:ident = $name:literal;)*) => {
        /// What a price of a million tokens is for.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum RateKind {
            $($(#[$doc])* $kind,)*
        }

        impl RateKind {
            /// Every kind, in the order of this enum.
            pub const ALL: &'static [Self] = &[$(Self::$kind),*];

            /// The name in a price list.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$kind => $name,)*
                }
            }
        }
    };
}

rate_kinds! {
    /// Input tokens that are in no other kind.
    Input = "input";
    /// Input read from the provider's cache.
    CachedInput = "cached_input";
    /// Input written to the cache for five minutes, or for the one lifetime that the provider has.
    CacheWrite = "cache_write";
    /// Input written to the cache for an hour.
    CacheWrite1h = "cache_write_1h";
    /// Input written to the cache for twelve hours.
    CacheWrite12h = "cache_write_12h";
    /// Output tokens, reasoning included.
    Output = "output";
    /// Audio in the input.
    InputAudio = "input_audio";
    /// Audio in the input, read from the cache.
    CachedInputAudio = "cached_input_audio";
    /// Audio in the output.
    OutputAudio = "output_audio";
    /// Images in the input.
    InputImage = "input_image";
    /// Video in the input.
    InputVideo = "input_video";
    /// Images in the output.
    OutputImage = "output_image";
    /// Video in the output.
    OutputVideo = "output_video";
}

impl RateKind {
    /// The kind of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.as_str() == name)
    }

    /// Which rate applies where a model has none of this kind. Images and video are billed as the text around them unless a list
    /// says otherwise; audio and long-lived cache writes never are, and so have to be listed.
    const fn else_as(self) -> Option<Self> {
        match self {
            Self::Input
            | Self::CacheWrite12h
            | Self::Output
            | Self::InputAudio
            | Self::CachedInputAudio
            | Self::OutputAudio
            | Self::OutputVideo => None,
            Self::CachedInput | Self::CacheWrite | Self::InputImage | Self::InputVideo => Some(Self::Input),
            Self::CacheWrite1h => Some(Self::CacheWrite),
            Self::OutputImage => Some(Self::Output),
        }
    }
}

impl fmt::Display for RateKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Prices of a million tokens, by kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rates(pub(super) BTreeMap<RateKind, UsdNanos>);

impl Rates {
    /// The rate of a kind, or of the kind that it counts as.
    #[must_use]
    pub fn get(&self, kind: RateKind) -> Option<UsdNanos> {
        self.0.get(&kind).copied().or_else(|| self.get(kind.else_as()?))
    }

    /// The rates that were listed.
    pub fn iter(&self) -> impl Iterator<Item = (RateKind, UsdNanos)> + '_ {
        self.0.iter().map(|(kind, rate)| (*kind, *rate))
    }
}

/// Rates that can depend on the length of the input.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RateTable {
    /// The rates of a call.
    pub rates: Rates,
    /// The rates of a whole call whose input is longer than so many tokens.
    pub long_context: Option<(u64, Rates)>,
}

impl RateTable {
    pub(super) fn is_long(&self, input_tokens: u64) -> bool {
        self.long_context.as_ref().is_some_and(|(above, _)| input_tokens > *above)
    }

    pub(super) fn of(&self, input_tokens: u64) -> &Rates {
        match &self.long_context {
            Some((above, rates)) if input_tokens > *above => rates,
            _ => &self.rates,
        }
    }
}

/// How the rates of a service tier follow from the standard ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tier {
    /// Every token costs so many thousandths of the standard rate.
    Thousandths(u32),
    /// The tier has rates of its own.
    Rates(RateTable),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back_and_fallbacks_end() {
        for kind in RateKind::ALL {
            assert_eq!(RateKind::parse(kind.as_str()), Some(*kind));
            assert!(std::iter::successors(Some(*kind), |kind| kind.else_as()).count() <= 3, "{kind}");
        }
        assert_eq!(RateKind::parse("inputt"), None);
    }
}
