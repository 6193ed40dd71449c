// Row plans of batches as they come: what passes the checks becomes a plan that passes those of a plan.
#include "row_plan.hpp"

#include "bytes.hpp"
#include "checks.hpp"

using namespace manyhot;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static RowPlanner planner;  // keeps its memory between batches, as a thread's does
  Bytes bytes(data, size);
  const int64_t rows_choices[] = {0, 1, 3, 16, 4096, 4097, 1 << 24, (1 << 24) + 1, INT32_MAX, int64_t{1} << 40};
  const int64_t num_table_rows = rows_choices[bytes.below(10)];
  const bool weighted = bytes.below(2);
  const size_t num_bags = bytes.below(60);
  std::vector<int32_t> offsets{0}, ids;
  for (size_t bag = 0; bag < num_bags; bag++) offsets.push_back(offsets.back() + bytes.below(5));
  for (int32_t i = 0; i < offsets.back(); i++)
    ids.push_back(bytes.below(4) ? bytes.whole() : static_cast<int32_t>(num_table_rows - 1 - bytes.below(3)));
  if (!bytes.below(8)) offsets[bytes.number<uint8_t>() % offsets.size()] = bytes.whole();
  const std::vector<float> weights(ids.begin(), ids.end());
  try {
    check_offsets(offsets.data(), offsets.size(), ids.size());
    check_ids(ids.data(), ids.size(), num_table_rows);
  } catch (const std::invalid_argument&) {
    return 0;
  }
  const PlannedRows plan = planner.plan(ids.data(), weighted ? weights.data() : nullptr, offsets.data(),
                                        static_cast<int64_t>(num_bags), num_table_rows);
  EXPECT(plan.num_rows <= ids.size() && (!ids.empty() || plan.num_rows == 0));
  check_offsets(plan.starts.data.get(), plan.num_rows + 1, ids.size());
  check_ids(plan.rows.data.get(), plan.num_rows, num_table_rows);
  check_ids(plan.bags.data.get(), ids.size(), static_cast<int64_t>(num_bags));
  for (size_t r = 1; r < plan.num_rows; r++) EXPECT(plan.rows[r - 1] < plan.rows[r]);
  for (size_t r = 0; r < plan.num_rows; r++)
    for (int32_t j = plan.starts[r] + 1; j < plan.starts[r + 1]; j++) EXPECT(plan.bags[j - 1] <= plan.bags[j]);
  return 0;
}
