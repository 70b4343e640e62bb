//! How many of a sample each stratum gives: by its size, by largest remainders, one at least. Whole numbers only, so that
//! the shares are the same on every platform.

/// The share of each stratum; they add up to `size`. None if there are more strata than that.
///
/// A stratum whose proportional share is below one gives one. The others share the rest by their sizes: each gets the whole
/// part of its share, and what is left goes to the largest remainders, of equal ones to the stratum named first.
/// `size` is at most the sum of the populations, none of which is zero; then no stratum is asked for more than it has.
pub(super) fn allocate(size: usize, populations: &[usize]) -> Option<Vec<usize>> {
    if populations.len() > size {
        return None;
    }
    let mut shares = vec![0; populations.len()];
    let (mut seats, mut total) = (size as u128, populations.iter().map(|one| *one as u128).sum::<u128>());
    let mut open: Vec<usize> = (0..populations.len()).collect();
    // Giving one to the smallest leaves less for the others, so that more of them may fall below one.
    loop {
        let below = |place: &usize| seats * (populations[*place] as u128) < total;
        let (small, large): (Vec<usize>, Vec<usize>) = open.iter().copied().partition(below);
        if small.is_empty() {
            break;
        }
        for place in small {
            shares[place] = 1;
            seats -= 1;
            total -= populations[place] as u128;
        }
        open = large;
    }
    let mut left = seats;
    let mut remainders = Vec::new();
    for place in open {
        let product = seats * populations[place] as u128;
        // Not above the population, so it fits.
        shares[place] = usize::try_from(product / total).unwrap_or(populations[place]);
        left -= product / total;
        remainders.push((std::cmp::Reverse(product % total), place));
    }
    remainders.sort_unstable();
    for (_, place) in remainders.into_iter().take(usize::try_from(left).unwrap_or(0)) {
        shares[place] += 1;
    }
    Some(shares)
}
