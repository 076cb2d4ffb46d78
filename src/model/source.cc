#include "model/source.h"

#include "model/names.h"

namespace waybill::model {
namespace {
constexpr Names<SourceState, 2> kStates{
    {{SourceState::kActive, "active"}, {SourceState::kDeleted, "deleted"}}};
}  // namespace

std::string_view source_state_name(SourceState state) { return kStates.name(state); }
std::optional<SourceState> parse_source_state(std::string_view name) { return kStates.parse(name); }

}  // namespace waybill::model
