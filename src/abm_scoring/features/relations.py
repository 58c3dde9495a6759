"""Compiled questions about the event log beside the measures: ties, local codes, replies, who engaged when."""

from __future__ import annotations

import numpy as np

from abm_scoring.features import moments
from abm_scoring.features.compiled import compiled, is_before
from abm_scoring.features.sorting import in_pieces
from abm_scoring.features.text import NOTHING

_SPREAD = np.uint64(0x9E3779B97F4A7C15)


def tied_rows(offsets: np.ndarray, occurred: np.ndarray) -> np.ndarray:
    """Places of events that share account and moment with a neighbour, int64."""
    same = np.concatenate([[False], occurred[1:] == occurred[:-1]]) if len(occurred) else np.zeros(0, bool)
    begins = offsets[:-1][np.diff(offsets) > 0]
    same[begins] = False
    tied = same.copy()
    tied[:-1] |= same[1:]
    return np.flatnonzero(tied)


def localise(offsets: np.ndarray, fingerprints: np.ndarray) -> np.ndarray:
    """Codes 0, 1, 2 … within each account, in order of first appearance; int32 [events], -1 = missing."""
    out = np.empty(len(fingerprints), np.int32)
    in_pieces(lambda begin, end: _localise(offsets, fingerprints, begin, end, out), offsets)
    return out


def local_periods(offsets: np.ndarray, occurred: np.ndarray, length: int, shift: int) -> np.ndarray:
    """The period that each event falls in, counted from its account's first event; int32 [events].

    Args:
        length: Microseconds of a period; shift: how long before 1970 one begins.
    """
    out = np.empty(len(occurred), np.int32)
    in_pieces(lambda begin, end: _local_periods(offsets, occurred, length, shift, begin, end, out), offsets)
    return out


def replies(
    offsets: np.ndarray,
    occurred: np.ndarray,
    visible: np.ndarray,
    inbound: np.ndarray,
    contact: np.ndarray,
    within: int,
) -> np.ndarray:
    """Which inbound events answer a touch of the brand; bool [events].

    An event answers where an outbound event of the account came before it within `within` microseconds, to the same
    contact where both name one. A touch that became known only after the event did makes no answer of it, so that the
    answer never changes with what is learnt later.
    """
    out = np.zeros(len(occurred), np.bool_)
    in_pieces(lambda a, b: _replies(offsets, occurred, visible, inbound, contact, within, a, b, out), offsets)
    return out


def engaged(
    offsets: np.ndarray,
    occurred: np.ndarray,
    visible: np.ndarray,
    contact: np.ndarray,
    counts_as_engagement: np.ndarray,
    account: np.ndarray,
    as_of: np.ndarray,
    window: int,
    pair_offsets: np.ndarray,
    pair_contact: np.ndarray,
) -> np.ndarray:
    """For pairs of a snapshot row and a contact: whether the contact engaged within the window before `as_of`.

    Args:
        offsets, occurred, visible: The events.
        contact: uint64 [events], fingerprint of the contact.
        counts_as_engagement: bool [events].
        account: int64 [rows]; as_of: int64 [rows]; window: microseconds.
        pair_offsets: int64 [rows + 1]; pair_contact: uint64 [pairs], contacts asked for, by row.

    Returns:
        bool [pairs].
    """
    out = np.zeros(len(pair_contact), np.bool_)
    events = (offsets, occurred, visible, contact, counts_as_engagement)
    _engaged(*events, account, as_of, window, pair_offsets, pair_contact, out)
    return out


def first_index(
    offsets: np.ndarray, visible: np.ndarray, counts: np.ndarray, account: np.ndarray, as_of: np.ndarray
) -> np.ndarray:
    """int64 [rows]: index of the account's earliest counted event that was known before `as_of`; -1 = none."""
    result: np.ndarray = _first_index(offsets, visible, counts, account, as_of)
    return result


def last_moment(
    offsets: np.ndarray,
    occurred: np.ndarray,
    visible: np.ndarray,
    counts: np.ndarray,
    account: np.ndarray,
    as_of: np.ndarray,
) -> np.ndarray:
    """int64 [rows]: when the account's latest counted event known before `as_of` occurred; `ALWAYS` = none."""
    result: np.ndarray = _last_moment(offsets, occurred, visible, counts, account, as_of)
    return result


def per_period(
    offsets: np.ndarray,
    occurred: np.ndarray,
    visible: np.ndarray,
    counts: np.ndarray,
    account: np.ndarray,
    as_of: np.ndarray,
    period: int,
    n_periods: int,
) -> np.ndarray:
    """Counted events in each of the last periods before `as_of`, oldest first; int64 [rows, n_periods]."""
    out = np.zeros((len(as_of), n_periods), np.int64)
    _per_period(offsets, occurred, visible, counts, account, as_of, period, out)
    return out


@compiled
def _localise(offsets, fingerprints, from_account, to_account, out):  # type: ignore[no-untyped-def]
    longest = 0
    for a in range(from_account, to_account):
        longest = max(longest, offsets[a + 1] - offsets[a])
    size = 16
    while size < 2 * longest:
        size *= 2
    keys = np.empty(size, np.uint64)
    codes = np.empty(size, np.int32)
    for a in range(from_account, to_account):
        n = offsets[a + 1] - offsets[a]
        used = 16
        while used < 2 * n:
            used *= 2
        codes[:used] = -1
        mask = np.uint64(used - 1)
        fresh = 0
        for i in range(offsets[a], offsets[a + 1]):
            key = fingerprints[i]
            if key == NOTHING:
                out[i] = -1
                continue
            place = (key * _SPREAD >> np.uint64(20)) & mask
            while codes[place] >= 0 and keys[place] != key:
                place = (place + np.uint64(1)) & mask
            if codes[place] < 0:
                keys[place] = key
                codes[place] = fresh
                fresh += 1
            out[i] = codes[place]


@compiled
def _local_periods(offsets, occurred, length, shift, from_account, to_account, out):  # type: ignore[no-untyped-def]
    for a in range(from_account, to_account):
        if offsets[a] == offsets[a + 1]:
            continue
        # Where the first event's period begins; rounded down, also before 1970.
        begin = (occurred[offsets[a]] + shift) // length * length - shift
        period = np.int32(0)
        for i in range(offsets[a], offsets[a + 1]):
            # Events ascend, so that a division is needed only where a period ends.
            since = occurred[i] - begin
            if since >= length:
                step = since // length
                period += np.int32(step)
                begin += step * length
            out[i] = period


@compiled
def _replies(offsets, occurred, visible, inbound, contact, within, from_account, to_account, out):  # type: ignore[no-untyped-def]
    for a in range(from_account, to_account):
        for i in range(offsets[a], offsets[a + 1]):
            if not inbound[i]:
                continue
            for j in range(i - 1, offsets[a] - 1, -1):
                if occurred[j] < occurred[i] - within:
                    break
                if inbound[j] or occurred[j] == occurred[i] or visible[j] > visible[i]:
                    continue
                if contact[i] == contact[j] or contact[i] == NOTHING or contact[j] == NOTHING:
                    out[i] = True
                    break


@compiled
def _engaged(  # type: ignore[no-untyped-def]
    offsets, occurred, visible, contact, counts, account, as_of, window, pair_offsets, pair_contact, out
):
    most = 0
    for r in range(len(as_of)):
        most = max(most, pair_offsets[r + 1] - pair_offsets[r])
    size = 16
    while size < 2 * most:
        size *= 2
    pair_at = np.empty(size, np.int64)
    for r in range(len(as_of)):
        begin, n = pair_offsets[r], pair_offsets[r + 1] - pair_offsets[r]
        if n == 0:
            continue
        used = 16
        while used < 2 * n:
            used *= 2
        mask = np.uint64(used - 1)
        pair_at[:used] = -1
        for j in range(begin, begin + n):
            place = (pair_contact[j] * _SPREAD >> np.uint64(20)) & mask
            while pair_at[place] >= 0:
                place = (place + np.uint64(1)) & mask
            pair_at[place] = j
        a = account[r]
        for i in range(offsets[a + 1] - 1, offsets[a] - 1, -1):
            if occurred[i] < as_of[r] - window:
                break
            if contact[i] == NOTHING or not counts[i] or not is_before(visible[i], as_of[r]):
                continue
            place = (contact[i] * _SPREAD >> np.uint64(20)) & mask
            while pair_at[place] >= 0:
                # A contact may be asked for more than once; each of its pairs lies further along.
                if pair_contact[pair_at[place]] == contact[i]:
                    out[pair_at[place]] = True
                place = (place + np.uint64(1)) & mask


@compiled
def _first_index(offsets, visible, counts, account, as_of):  # type: ignore[no-untyped-def]
    out = np.full(len(as_of), -1, np.int64)
    for r in range(len(as_of)):
        for i in range(offsets[account[r]], offsets[account[r] + 1]):
            if counts[i] and is_before(visible[i], as_of[r]):
                out[r] = i
                break
    return out


@compiled
def _last_moment(offsets, occurred, visible, counts, account, as_of):  # type: ignore[no-untyped-def]
    out = np.full(len(as_of), moments.ALWAYS, np.int64)
    for r in range(len(as_of)):
        for i in range(offsets[account[r] + 1] - 1, offsets[account[r]] - 1, -1):
            if counts[i] and is_before(visible[i], as_of[r]):
                out[r] = occurred[i]
                break
    return out


@compiled
def _per_period(offsets, occurred, visible, counts, account, as_of, period, out):  # type: ignore[no-untyped-def]
    n = out.shape[1]
    for r in range(len(as_of)):
        for i in range(offsets[account[r] + 1] - 1, offsets[account[r]] - 1, -1):
            # Half-open from below: the oldest period begins with its own first moment.
            if occurred[i] < as_of[r] - n * period:
                break
            if counts[i] and is_before(visible[i], as_of[r]):
                out[r, n - 1 - min((as_of[r] - 1 - occurred[i]) // period, n - 1)] += 1
