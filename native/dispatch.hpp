// Which of the compiled instruction sets this processor runs. MANYHOT_X86_LEVELS is set by CMake on x86-64.
#pragma once
#include <cstring>

#include "table_kernels.hpp"

namespace manyhot {

namespace baseline {
extern const KernelSet kernels;
}
#ifdef MANYHOT_X86_LEVELS
namespace x86_64_v3 {
extern const KernelSet kernels;
}
namespace x86_64_v4 {
extern const KernelSet kernels;
}
#endif

// The named level, or with null or "" the best one; null where the processor cannot run the named one.
inline const KernelSet* pick_kernels(const char* level) {
  const bool any = !level || !*level;
#ifdef MANYHOT_X86_LEVELS
  __builtin_cpu_init();
  if ((any || !std::strcmp(level, "x86_64_v4")) && __builtin_cpu_supports("x86-64-v4")) return &x86_64_v4::kernels;
  if ((any || !std::strcmp(level, "x86_64_v3")) && __builtin_cpu_supports("x86-64-v3")) return &x86_64_v3::kernels;
#endif
  return any || !std::strcmp(level, "baseline") ? &baseline::kernels : nullptr;
}

// Whether matmuls in bfloat16 run on units made for it. Every processor with AMX has AVX512-BF16 too.
inline bool processor_has_bfloat16() {
#ifdef MANYHOT_X86_LEVELS
  return __builtin_cpu_supports("avx512bf16");
#else
  return false;
#endif
}

}  // namespace manyhot
