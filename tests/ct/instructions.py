#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# The allow-list of instructions: everything in an object must take a time that does not depend on its operands, as far as
# the architecture's manuals and the compilers' authors know. What is not listed is refused: divisions, square roots,
# gathers and scatters, conditional string instructions, and whatever a compiler comes up with next.
"""usage: instructions.py OBJDUMP OBJECT..."""
import re
import subprocess
import sys

# x86-64, as patterns of whole mnemonics. Branches are here: that they do not depend on secrets is what valgrind and the
# traces are for.
X86 = r"""
    (adc|add|and|bt[rsc]?|bzhi|cmp|dec|inc|lea|mov|neg|not|or|pop|push|rol|ror|rorx|sar|sbb|shl|shr|sub|test|xchg|xor)[bwlq]?
    adcx adox mulx? mulq imul[lq]? cltd cltq cqto movabs movz[bw]l movs[bwl]q movslq movz[bw]q movs[bw]l movzwl movsbl
    (sh|ro|sa|sh)[lr][dx]? shld shrd sarx shlx shrx andn
    cmov[a-z]+ set[a-z]+ j[a-z]+ call ret leave nop[lw]? data16 cs endbr64 ud2 lock
    cpuid xgetbv ldmxcsr stmxcsr rep vzeroall vzeroupper \{evex\}
    v?(mov(aps|apd|ups|upd|dqa|dqu|ss|sd|q|d|lps|hps|hlps|lhps|lpd|hpd|ddup)) vmovdq[au](8|32|64)
    v?p(add|sub)[bwdq] v?p(and|andn|or|xor)[dq]? v?(and|andn|or|xor)p[sd] v?pcmp(eq|gt)[bwdq] vpternlog[dq] vptestnm[dq] vptestm[dq]
    v?ps(ll|rl|ra)[wdq]+ vps(ll|rl|ra)v[dq] v?p(sll|srl)dq vpr(ol|or)[dq] vpsh[lr]d[dq]
    v?p(mullw|mulld|muludq|muldq|mullq) vpmadd52[lh]uq
    v?pshuf(b|d|lw|hw) v?shufp[sd] vshuf[fi](32x4|64x2) v?punpck[lh](bw|wd|dq|qdq) v?unpck[lh]p[sd] v?pack(us|ss)(wb|dw)
    v?palignr valign[dq] v?p?blend(w|d|vb|p[sd]|vp[sd]) vpblendm[dq] v?p?(insr|extr)[bwdq]
    v?extract[fi](128|32x4|64x2|64x4) v?insert[fi](128|32x4|64x2|64x4) v?insertps v?extractps
    vperm(2f128|2i128|i2d|i2q|t2d|t2q|ilp[sd]|p[sd]|[qd]) vp?broadcast[a-z0-9]+ v?pmov(zx|sx)[bwdq]+ vpmov[qdw][bwd] vpmovm2[bwdq]
    v(add|sub|mul)[ps]d vf(n?m(add|sub))(132|213|231)[ps]d vcvttsd2si
    k(mov|xor|or|and|andn|xnor|not|unpck|ortest|shift[lr])[bwdq]+
"""
RV64 = r"""
    add addi addiw addw and andi auipc lui li la mv neg negw not or ori xor xori sub subw sext\.w zext\.b seqz snez sgtz sltz
    sll slli slliw sllw srl srli srliw srlw sra srai sraiw sraw slt slti sltiu sltu
    mul mulh mulhsu mulhu mulw lb lbu lh lhu lw lwu ld sb sh sw sd
    beq beqz bne bnez bge bgez bgeu blez bgtz blt bltz bltu bgt bgtu ble bleu j jal jalr jr ret call tail nop unimp
"""
# (function, instruction): why it may be there. A nonce is public (noise_xk.h), and so is where its window has got to.
PUBLIC = {
    **{(function, instruction): "of a nonce" for function in ("xk_receiver_open_at", "window_word", "window_mark", "window_allows")
       for instruction in ("div", "idiv", "divq", "remu")},
}
FUNCTION = re.compile(r"^[0-9a-f]+ <([^>]+)>:$")
INSTRUCTION = re.compile(r"^ *[0-9a-f]+:\t([a-z0-9{}.]+)")


def refused(objdump, path):
    """(function, instruction) pairs of an object that no list allows, and how many instructions it has."""
    text = subprocess.run([objdump, "-d", "--no-show-raw-insn", path], check=True, capture_output=True, text=True).stdout
    allowed = re.compile("|".join((RV64 if "riscv" in text.split("\n\n")[0] else X86).split()))
    found, count, function = set(), 0, "?"
    for line in text.splitlines():
        head, instruction = FUNCTION.match(line), INSTRUCTION.match(line)
        if head and not head[1].startswith(".L"):
            function = re.sub(r"\.(part|isra|constprop|cold)\.?\d*", "", head[1])
        elif instruction:
            count += 1
            if not allowed.fullmatch(instruction[1]) and (function, instruction[1]) not in PUBLIC:
                found.add((function, instruction[1]))
    return found, count


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    bad = 0
    for path in sys.argv[2:]:
        for function, instruction in sorted(refused(sys.argv[1], path)[0]):
            print(f"{path}: {function}: {instruction}")
            bad += 1
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
