// Which thread moves which rows, and in what order: rising. table_kernels.cpp alone includes this.
#pragma once
#include "row_moves.hpp"

#ifdef _OPENMP
#include <omp.h>
#endif

namespace manyhot::MANYHOT_LEVEL {
namespace {

constexpr int64_t kRowsAhead = 6;  // touched rows between a prefetch and its use

inline void prefetch_row(const float* row, int64_t floats) {
  for (int64_t k = 0; k < floats; k += 16) __builtin_prefetch(row + k, 1);
}

// Rows are cut into one part a thread, each about as much work: a row to fetch and move costs several occurrences of a
// row that is at hand. A row belongs to one thread.
constexpr int64_t kOccurrencesPerRow = 8;

// The first of `count` positions before which lies `part` of `parts` of the work; work_before rises.
template <class Work>
int64_t first_of(int64_t count, int64_t part, int64_t parts, const Work& work_before) {
  const int64_t wanted = work_before(count) * part / parts;
  int64_t low = 0, high = count;
  while (low < high) {
    const int64_t middle = (low + high) / 2;
    if (work_before(middle) < wanted)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

// The first of the rising rows that is not below `row`.
int64_t first_from(const int32_t* rows, int64_t num_rows, int64_t row) {
  int64_t low = 0, high = num_rows;
  while (low < high) {
    const int64_t middle = (low + high) / 2;
    if (rows[middle] < row)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

// Rows of a batch, rising, and where the pairs of each start (null: one a row).
struct Touched {
  const int32_t* rows;
  const int32_t* starts;
  int64_t num_rows;
  int64_t pairs_before(int64_t r) const { return starts ? starts[r] : r; }
};

// Calls step(r, range) for the touched rows of a thread.
template <class Step>
void each_touched(const Table& table, const Touched& touched, const Rules* rules, int64_t me, int64_t threads,
                  const Step& step) {
  const auto work = [&](int64_t r) { return touched.pairs_before(r) + kOccurrencesPerRow * r; };
  const int64_t end = first_of(touched.num_rows, me + 1, threads, work);
  const RowRange* range = rules ? rules->ranges : nullptr;
  for (int64_t r = first_of(touched.num_rows, me, threads, work); r < end; r++) {
    if (r + kRowsAhead < end) prefetch_row(table.data + touched.rows[r + kRowsAhead] * table.stride, table.stride);
    if (range)
      while (touched.rows[r] >= range->end) range++;
    step(r, range);
  }
}

// Calls step(r, range) for the touched rows of a thread, and moves the others where their range says so.
template <class Step>
void each_row(const Table& table, const Touched& touched, const Rules& rules, int64_t me, int64_t threads,
              float* scratch, const Step& step) {
  const int64_t all = rules.ranges[rules.num_ranges - 1].end;
  const auto work = [&](int64_t row) {
    return touched.pairs_before(first_from(touched.rows, touched.num_rows, row)) + kOccurrencesPerRow * row;
  };
  const int64_t end = first_of(all, me + 1, threads, work);
  int64_t row = first_of(all, me, threads, work);
  int64_t r = first_from(touched.rows, touched.num_rows, row);
  for (const RowRange* range = rules.ranges; row < end;) {
    while (row >= range->end) range++;
    const int64_t next = r < touched.num_rows ? touched.rows[r] : end;
    if (row == next)
      step(r++, range), row++;
    else if (range->latent.all_rows || range->linear.all_rows)
      move_row(*range, table.data + row++ * table.stride, table.dim, nullptr, 0.0f, scratch);
    else
      row = next < range->end ? next : range->end;
  }
}

bool moves_all(const Rules& rules) {
  bool all = false;
  for (int64_t k = 0; k < rules.num_ranges; k++)
    all |= rules.ranges[k].latent.all_rows || rules.ranges[k].linear.all_rows;
  return all;
}

// Calls step(r, range, scratch) for each touched row, on threads; range is null without rules.
template <class Step>
void share(const Table& table, const Touched& touched, const Rules* rules, int num_threads, const Step& step) {
  const bool all = rules && moves_all(*rules);
  (void)num_threads;
#pragma omp parallel num_threads(num_threads)
  {
    int64_t threads = 1, me = 0;
#ifdef _OPENMP
    threads = omp_get_num_threads(), me = omp_get_thread_num();
#endif
    const Scratch scratch(rules ? *rules : Rules{nullptr, 0}, table.dim);
    const auto one = [&](int64_t r, const RowRange* range) { step(r, range, scratch.data); };
    if (all)
      each_row(table, touched, *rules, me, threads, scratch.data, one);
    else
      each_touched(table, touched, rules, me, threads, one);
  }
}

}  // namespace
}  // namespace manyhot::MANYHOT_LEVEL
