// ExecuTorch without torch: what agents/backends/executorch_native.py asks of it, as a C interface.
//
// Built by orchestrator/measure/provision/runners/executorch.py from the headers and libraries of the executorch wheel.
// Memory of inputs and outputs is the caller's. Functions give 0 or a pointer where they succeed; else earshot_error()
// says why, in the runtime's own words. One thread at a time.

#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include <executorch/extension/data_loader/mmap_data_loader.h>
#include <executorch/extension/memory_allocator/malloc_memory_allocator.h>
#include <executorch/runtime/backend/interface.h>
#include <executorch/runtime/core/event_tracer.h>
#include <executorch/runtime/executor/method.h>
#include <executorch/runtime/executor/program.h>
#include <executorch/runtime/platform/platform.h>
#include <executorch/runtime/platform/runtime.h>

namespace rt = executorch::runtime;
using executorch::aten::Tensor;
using executorch::aten::TensorImpl;
using executorch::extension::MallocMemoryAllocator;
using executorch::extension::MmapDataLoader;
using rt::EValue;

// The wheel exports these and ships no header for them (extension/threadpool/threadpool.h of its sources).
namespace executorch::extension::threadpool {
class ThreadPool {
 public:
  bool _unsafe_reset_threadpool(uint32_t count);
  size_t get_thread_count() const;
};
ThreadPool* get_threadpool();
}  // namespace executorch::extension::threadpool

namespace {

constexpr int kInterface = 1;

std::string said;   // What the runtime logged as an error since the call began.
std::string fault;  // What the last failed call tells.

void hear(et_timestamp_t, et_pal_log_level_t level, const char*, const char*, size_t, const char* message, size_t length) {
  if (level != kError && level != kFatal) return;
  if (!said.empty()) said += "; ";
  if (said.size() < 2000) said.append(message, length);
}

bool registered = rt::register_pal(rt::PalImpl::create(hear, "executorch_runner.cpp"));

int failed(rt::Error error, const std::string& doing) {
  fault = doing + ": " + rt::to_string(error) + (said.empty() ? "" : " (" + said + ")");
  return 1;
}

uint64_t now_ticks() { return rt::pal_current_ticks(); }

double nanoseconds(uint64_t ticks) {
  const auto ratio = rt::get_pal_impl()->ticks_to_ns_multiplier();
  return static_cast<double>(ticks) * static_cast<double>(ratio.numerator) / static_cast<double>(ratio.denominator);
}

struct Spent {
  uint64_t ticks = 0;
  int64_t calls = 0;
};

// (instruction, number within its delegate or -1, name) -> what it took.
using Times = std::map<std::tuple<int64_t, int64_t, std::string>, Spent>;

// Adds up what the runtime times while it executes; an ETDump would keep each event apart.
class Tracer : public rt::EventTracer {
 public:
  Times times;
  bool listening = false;

  void create_event_block(const char*) override {}

  rt::EventTracerEntry start_profiling(const char* name, rt::ChainID chain, rt::DebugHandle handle) override {
    const bool own = chain == rt::kUnsetChainId;
    names_.emplace_back(name ? name : "");
    return entry(own ? debug_handle_ : handle, rt::DelegateDebugIdType::kNone, own ? chain_id_ : chain);
  }

  rt::EventTracerEntry start_profiling_delegate(const char* name, rt::DelegateDebugIntId number) override {
    names_.emplace_back(name ? name : std::to_string(number));
    return entry(debug_handle_, rt::DelegateDebugIdType::kStr, chain_id_);
  }

  void end_profiling(rt::EventTracerEntry begun) override {
    // Chainless events are the whole method's.
    if (begun.chain_id == rt::kUnsetChainId) return;
    add(begun.debug_handle, -1, names_.at(begun.event_id), now_ticks() - begun.start_time);
  }

  void end_profiling_delegate(rt::EventTracerEntry begun, const void*, size_t) override {
    within(names_.at(begun.event_id), begun.start_time, now_ticks());
  }

  void log_profiling_delegate(
      const char* name, rt::DelegateDebugIntId number, et_timestamp_t from, et_timestamp_t to, const void*, size_t) override {
    within(name ? name : std::to_string(number), from, to);
  }

  void begin_run() {
    names_.clear();
    within_ = 0;
    last_handle_ = -1;
  }

  void track_allocation(rt::AllocatorID, size_t) override {}
  rt::AllocatorID track_allocator(const char*) override { return 0; }
  rt::Result<bool> log_evalue(const EValue&, rt::LoggedEValueType) override { return false; }
  rt::Result<bool> log_intermediate_output_delegate(const char*, rt::DelegateDebugIntId, const Tensor&) override {
    return false;
  }
  rt::Result<bool> log_intermediate_output_delegate(
      const char*, rt::DelegateDebugIntId, const rt::ArrayRef<Tensor>) override {
    return false;
  }
  rt::Result<bool> log_intermediate_output_delegate(const char*, rt::DelegateDebugIntId, const int&) override {
    return false;
  }
  rt::Result<bool> log_intermediate_output_delegate(const char*, rt::DelegateDebugIntId, const bool&) override {
    return false;
  }
  rt::Result<bool> log_intermediate_output_delegate(const char*, rt::DelegateDebugIntId, const double&) override {
    return false;
  }
  void set_delegation_intermediate_output_filter(rt::EventTracerFilterBase*) override {}

 private:
  std::vector<std::string> names_;
  int64_t within_ = 0, last_handle_ = -1;

  rt::EventTracerEntry entry(rt::DebugHandle handle, rt::DelegateDebugIdType kind, rt::ChainID chain) {
    const auto number = static_cast<int64_t>(names_.size()) - 1;
    return rt::EventTracerEntry{number, chain, handle, now_ticks(), kind};
  }

  void within(const std::string& name, uint64_t from, uint64_t to) {
    // A delegate's operators come in its own order: numbered anew for each instruction that is a delegate.
    if (last_handle_ != static_cast<int64_t>(debug_handle_)) within_ = 0;
    last_handle_ = debug_handle_;
    add(debug_handle_, within_++, name, to - from);
  }

  void add(int64_t instruction, int64_t number, const std::string& name, uint64_t ticks) {
    if (!listening) return;
    Spent& spent = times[{instruction, number, name}];
    spent.ticks += ticks;
    spent.calls += 1;
  }
};

struct Described {
  executorch::aten::ScalarType type;
  std::vector<TensorImpl::SizesType> sizes;
  std::vector<uint8_t> order;
  size_t bytes;
  bool planned;
};

}  // namespace

struct EarshotTime {
  const char* name;
  int64_t instruction;
  int64_t within;  // number in a delegate; -1: an instruction of the program
  int64_t calls;
  double time_ns;
};

// A program with its method "forward", or its first one. Members end in reverse order: the method before its memory.
struct EarshotGraph {
  std::unique_ptr<MmapDataLoader> loader;
  std::unique_ptr<rt::Program> program;
  std::string name;
  MallocMemoryAllocator own, passing;
  std::vector<std::vector<uint8_t>> planned;
  std::vector<rt::Span<uint8_t>> spans;
  std::unique_ptr<rt::HierarchicalAllocator> memory;
  std::unique_ptr<rt::MemoryManager> manager;
  std::unique_ptr<Tracer> tracer;
  std::unique_ptr<rt::Method> method;
  std::vector<Described> inputs, outputs;
};

// Memory for one run: a pointer for each input and output.
struct EarshotBinding {
  EarshotGraph* graph;
  std::vector<void*> inputs, outputs;
  std::vector<std::vector<TensorImpl::SizesType>> sizes;
};

namespace {

int describe(const rt::MethodMeta& meta, bool output, std::vector<Described>& found) {
  const size_t count = output ? meta.num_outputs() : meta.num_inputs();
  for (size_t i = 0; i < count; ++i) {
    auto info = output ? meta.output_tensor_meta(i) : meta.input_tensor_meta(i);
    if (!info.ok()) return failed(info.error(), std::string(output ? "output " : "input ") + std::to_string(i) + " is no tensor");
    Described one{info->scalar_type(), {}, {}, info->nbytes(), info->is_memory_planned()};
    one.sizes.assign(info->sizes().begin(), info->sizes().end());
    one.order.assign(info->dim_order().begin(), info->dim_order().end());
    found.push_back(std::move(one));
  }
  return 0;
}

int open_graph(EarshotGraph& graph, const char* path, bool profiled) {
  auto loader = MmapDataLoader::from(path, MmapDataLoader::MlockConfig::NoMlock);
  if (!loader.ok()) return failed(loader.error(), "cannot read the file");
  graph.loader = std::make_unique<MmapDataLoader>(std::move(loader.get()));
  auto program = rt::Program::load(graph.loader.get(), rt::Program::Verification::InternalConsistency);
  if (!program.ok()) return failed(program.error(), "it is no ExecuTorch program");
  graph.program = std::make_unique<rt::Program>(std::move(program.get()));
  auto first = graph.program->get_method_name(0);
  if (!first.ok()) return failed(first.error(), "it has no method");
  graph.name = graph.program->method_meta("forward").ok() ? "forward" : first.get();
  said.clear();
  auto meta = graph.program->method_meta(graph.name.c_str());
  if (!meta.ok()) return failed(meta.error(), "its method cannot be read");
  if (describe(*meta, false, graph.inputs) || describe(*meta, true, graph.outputs)) return 1;
  for (size_t i = 0; i < meta->num_memory_planned_buffers(); ++i) {
    auto size = meta->memory_planned_buffer_size(i);
    graph.planned.emplace_back(size.ok() ? static_cast<size_t>(size.get()) : 0);
  }
  for (auto& buffer : graph.planned) graph.spans.push_back({buffer.data(), buffer.size()});
  graph.memory = std::make_unique<rt::HierarchicalAllocator>(
      rt::Span<rt::Span<uint8_t>>(graph.spans.data(), graph.spans.size()));
  graph.manager = std::make_unique<rt::MemoryManager>(&graph.own, graph.memory.get(), &graph.passing);
  if (profiled) graph.tracer = std::make_unique<Tracer>();
  auto method = graph.program->load_method(graph.name.c_str(), graph.manager.get(), graph.tracer.get());
  if (!method.ok()) return failed(method.error(), "it cannot be made ready");
  graph.method = std::make_unique<rt::Method>(std::move(method.get()));
  return 0;
}

int point_inputs(EarshotBinding& binding, int rows) {
  EarshotGraph& graph = *binding.graph;
  for (size_t i = 0; i < graph.inputs.size(); ++i) {
    Described& one = graph.inputs[i];
    std::vector<TensorImpl::SizesType>& sizes = binding.sizes[i];
    if (rows > 0) sizes.at(0) = rows;
    TensorImpl tensor(one.type, sizes.size(), sizes.data(), binding.inputs[i], one.order.data());
    const rt::Error error = graph.method->set_input(EValue(Tensor(&tensor)), i);
    if (error != rt::Error::Ok) return failed(error, "input " + std::to_string(i) + " is refused");
  }
  return 0;
}

int point_outputs(EarshotBinding& binding) {
  EarshotGraph& graph = *binding.graph;
  for (size_t i = 0; i < graph.outputs.size(); ++i) {
    if (graph.outputs[i].planned) continue;
    const rt::Error error = graph.method->set_output_data_ptr(binding.outputs[i], graph.outputs[i].bytes, i);
    if (error != rt::Error::Ok) return failed(error, "memory for output " + std::to_string(i) + " is refused");
  }
  return 0;
}

void copy_outputs(EarshotBinding& binding) {
  EarshotGraph& graph = *binding.graph;
  for (size_t i = 0; i < graph.outputs.size(); ++i) {
    if (!graph.outputs[i].planned) continue;
    const Tensor& made = graph.method->get_output(i).toTensor();
    std::memcpy(binding.outputs[i], made.const_data_ptr(), made.nbytes());
  }
}

}  // namespace

extern "C" {

int earshot_interface() { return kInterface; }

const char* earshot_error() { return fault.c_str(); }

// Names of the registered backends, joined by commas.
const char* earshot_backends() {
  static std::string names;
  names.clear();
  for (size_t i = 0; i < rt::get_num_registered_backends(); ++i) {
    auto name = rt::get_backend_name(i);
    if (name.ok()) names += (names.empty() ? "" : ",") + std::string(name.get());
  }
  return names.c_str();
}

// Before any program is opened: its delegates keep the pool that they find, and this ends that.
int earshot_threads(int count) {
  auto* pool = executorch::extension::threadpool::get_threadpool();
  if (pool == nullptr || count < 1) {
    fault = "there is no pool of threads";
    return 1;
  }
  if (pool->get_thread_count() != static_cast<size_t>(count)) pool->_unsafe_reset_threadpool(count);
  return 0;
}

void earshot_close(EarshotGraph* graph) {
  delete graph;
}

// Reads the program, finds its kernels and makes its delegates. profiled: what it runs is timed.
EarshotGraph* earshot_open(const char* path, int profiled) {
  said.clear();
  auto graph = std::make_unique<EarshotGraph>();
  if (open_graph(*graph, path, profiled != 0)) return nullptr;
  return graph.release();
}

EarshotBinding* earshot_bind(EarshotGraph* graph, void** inputs, void** outputs) {
  auto* made = new EarshotBinding{graph, {}, {}, {}};
  for (const Described& one : graph->inputs) made->sizes.push_back(one.sizes);
  made->inputs.assign(inputs, inputs + graph->inputs.size());
  made->outputs.assign(outputs, outputs + graph->outputs.size());
  return made;
}

void earshot_unbind(EarshotBinding* binding) {
  delete binding;
}

// One run on this memory. rows > 0: only so many along axis 0 of every tensor, whose first dimension is dynamic.
int earshot_run(EarshotBinding* binding, int rows) {
  EarshotGraph& graph = *binding->graph;
  said.clear();
  if (point_inputs(*binding, rows) || point_outputs(*binding)) return 1;
  if (graph.tracer) graph.tracer->begin_run();
  const rt::Error error = graph.method->execute();
  if (error != rt::Error::Ok) return failed(error, "the program stopped");
  copy_outputs(*binding);
  return 0;
}

// Count from now on; earshot_times gives what was counted.
void earshot_listen(EarshotGraph* graph) {
  if (!graph->tracer) return;
  graph->tracer->times.clear();
  graph->tracer->listening = true;
}

// Fills up to most; gives how many there are. Names live until the next earshot_listen or earshot_close.
int earshot_times(EarshotGraph* graph, EarshotTime* found, int most) {
  if (!graph->tracer) return 0;
  int i = 0;
  for (const auto& [key, spent] : graph->tracer->times) {
    if (i < most) {
      found[i] = {std::get<2>(key).c_str(), std::get<0>(key), std::get<1>(key), spent.calls, nanoseconds(spent.ticks)};
    }
    ++i;
  }
  return i;
}

}  // extern "C"
