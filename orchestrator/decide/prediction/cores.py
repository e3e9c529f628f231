"""What kinds of CPU cores can do in a cycle: the facts that are not a device's but its core's.

``lanes``: fp32 multiply-adds that can begin in a cycle, four for each 128-bit FMLA, from the vector pipelines in LLVM's
scheduling models (llvm/lib/Target/AArch64/AArch64Sched*.td, which follow Arm's Software Optimization Guides): one, of
two 64-bit halves, for Cortex-A53, A55 and A57; two for NeoverseN1 (Cortex-A76) and N2 (Cortex-A710); four for
NeoverseV1 (Cortex-X1) and V2 (Cortex-X3), and Oryon. A core without a model has its predecessor's or sibling's. Two
Cortex-A510 or A520 may share a unit of two pipelines: a core has its half.
``int8``: the best int8 instructions, from ProcessorFeatures of llvm/lib/Target/AArch64/AArch64Processors.td
(FeatureDotProd, FeatureMatMulInt8; both are part of Armv8.6-A). What is not there is not known.
"""

from dataclasses import dataclass

NO_DOT, DOT, MATMUL = "none", "dotprod", "i8mm"
# int8 multiply-adds of one 128-bit instruction over the fp32 ones of FMLA: SMLAL has 8 lanes and needs a second
# instruction to widen, SDOT has 16, SMMLA 32 (Arm Architecture Reference Manual, DDI 0487).
INT8_OVER_FP32 = {NO_DOT: 1.0, DOT: 4.0, MATMUL: 8.0}


@dataclass(frozen=True)
class CoreKind:
    """``lanes`` None: its vector pipelines are not published; ``int8`` one of ``INT8_OVER_FP32``."""

    lanes: int | None
    int8: str

    def __post_init__(self) -> None:
        if self.int8 not in INT8_OVER_FP32:
            raise ValueError(f"int8 must be one of {', '.join(INT8_OVER_FP32)}, got {self.int8!r}")


CORES = {
    "Cortex-A53": CoreKind(4, NO_DOT),
    "Cortex-A55": CoreKind(4, DOT),
    "Cortex-A57": CoreKind(4, NO_DOT),
    "Cortex-A72": CoreKind(4, NO_DOT),
    "Cortex-A76": CoreKind(8, DOT),
    "Cortex-A77": CoreKind(8, DOT),
    "Cortex-A78": CoreKind(8, DOT),
    "Cortex-A78AE": CoreKind(8, DOT),
    "Cortex-A78C": CoreKind(8, DOT),
    "Neoverse-N1": CoreKind(8, DOT),
    "Cortex-X1": CoreKind(16, DOT),
    "Cortex-X1C": CoreKind(16, DOT),
    "Cortex-A510": CoreKind(4, MATMUL),
    "Cortex-A520": CoreKind(4, MATMUL),
    "Cortex-A710": CoreKind(8, MATMUL),
    "Cortex-A715": CoreKind(8, MATMUL),
    "Cortex-A720": CoreKind(8, MATMUL),
    "Neoverse-N2": CoreKind(8, MATMUL),
    "Cortex-X2": CoreKind(16, MATMUL),
    "Cortex-X3": CoreKind(16, MATMUL),
    "Cortex-X4": CoreKind(16, MATMUL),
    "Neoverse-V2": CoreKind(16, MATMUL),
    "Oryon": CoreKind(16, MATMUL),
    "Carmel": CoreKind(None, NO_DOT),
}
