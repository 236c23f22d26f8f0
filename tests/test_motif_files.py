"Motif files as the tools of the field write them: each gives the same motif, and what is none is refused in one line"
import gzip
import warnings

import numpy as np
import pytest
from Bio import motifs as bio
from Bio.motifs import jaspar as bio_jaspar, transfac

from tf_transfer.core import UserError
from tf_transfer.motifs import files
from tf_transfer.motifs.files import (
    read_cisbp, read_hocomoco, read_homer, read_jaspar, read_meme, read_motifs, read_transfac, read_uniprobe,
    write_jaspar, write_meme,
)
from tf_transfer.motifs.pwm import PWM, jaspar

N = 40
COUNTS = np.array([[10, 38, 0, 0, 0, 1, 7], [10, 0, 40, 2, 0, 1, 25], [20, 2, 0, 38, 0, 38, 3], [0, 0, 0, 0, 40, 0, 5]])
PROBS = COUNTS/N
HEAD = ("MEME version 5\n\nALPHABET= ACGT\n\nstrands: + -\n\n"
        "Background letter frequencies\nA 0.25 C 0.25 G 0.25 T 0.25\n\n")


def rows(m, sep=" ", form="{:.6f}", lead=lambda i: "", end=lambda i: ""):
    return "".join(lead(i)+sep.join(form.format(v) for v in col)+end(i)+"\n" for i, col in enumerate(np.asarray(m).T))


def bases(m, form="{:g}", lead=lambda b: "", end=""):
    return "".join(lead(b)+" ".join(form.format(v) for v in row)+end+"\n" for b, row in zip("ACGT", np.asarray(m)))


def table(m, form="{:.6f}", sep="\t", start=1, width=1, end=""):
    "Rows that begin with the number of the position"
    return rows(m, sep, form, lambda i: f"{i+start:0{width}d}{sep}", lambda i: end)


def meme(body, attributes="alength= 4 w= 7 nsites= 40 E= 0", name="MA1.1 Tf", head=HEAD):
    return f"{head}MOTIF {name}\nletter-probability matrix: {attributes}\n{body}\n"


STARS, LINE = "*"*80+"\n", "-"*80+"\n"
MEME_FULL = f"""{STARS}MEME - Motif discovery tool
{STARS}MEME version 5.5.5 (Release date: Thu Oct 26 2023)

{STARS}TRAINING SET
{STARS}PRIMARY SEQUENCES= peaks.fa
CONTROL SEQUENCES= --none--
ALPHABET= ACGT
Sequence name            Weight Length  Sequence name            Weight Length
-------------            ------ ------  -------------            ------ ------
chr1:10-110              1.0000    100  chr1:200-300             1.0000    100
{STARS}
Letter frequencies in dataset:
A 0.304 C 0.196 G 0.196 T 0.304
Background letter frequencies (from file dataset with add-one prior applied):
A 0.304 C 0.196 G 0.196 T 0.304
{STARS}

{STARS}MOTIF GACGTGC MEME-1	width =   7  sites =  40  llr = 176  p-value = 1.2e-003  E-value = 4.1e-009
{STARS}{LINE}	Motif GACGTGC MEME-1 Description
{LINE}Simplified        A  3a:::::2
pos.-specific     C  3:a1::6
{LINE}	Motif GACGTGC MEME-1 sites sorted by position p-value
{LINE}Sequence name            Start   P-value            Site
chr1:10-110                 61  1.1e-05 TTTTTGATCG GACGTGC TTTGTGTGGC
{LINE}	Motif GACGTGC MEME-1 in BLOCKS format
{LINE}BL   MOTIF GACGTGC width=7 seqs=40
chr1:10-110              (   61) GACGTGC  1
//

{LINE}	Motif GACGTGC MEME-1 position-specific scoring matrix
{LINE}log-odds matrix: alength= 4 w= 7 n= 1548 bayes= 6.5 E= 4.1e-009
{rows(np.full((4, 7), -95), "   ", "{:6d}")}{LINE}
{LINE}	Motif GACGTGC MEME-1 position-specific probability matrix
{LINE}letter-probability matrix: alength= 4 w= 7 nsites= 40 E= 4.1e-009
{rows(PROBS, "  ", lead=lambda i: " ")}{LINE}
{LINE}	Motif GACGTGC MEME-1 regular expression
{LINE}[GAC]ACGTG[C]
{LINE}
Time  0.43 secs.
{STARS}
{STARS}MOTIF TTTTTTT MEME-2	width =   7  sites =  12  llr = 90  p-value = 1.2e-001  E-value = 4.1e+003
{STARS}{LINE}log-odds matrix: alength= 4 w= 7 n= 1548 bayes= 6.5 E= 4.1e+003
{rows(np.full((4, 7), -95), "   ", "{:6d}")}{LINE}letter-probability matrix: alength= 4 w= 7 nsites= 12 E= 4.1e+003
{rows(PROBS[:, ::-1], "  ", lead=lambda i: " ")}{LINE}
"""
DREME = f"""# DREME 5.0.1
# command:     dreme -p peaks.fa
# date:        Thu Oct 26 2023

MEME version 5.0.1

ALPHABET "DNA" DNA-LIKE
A "Adenine" CC0000 ~ T "Thymine" 008000
C "Cytosine" 0000CC ~ G "Guanine" FFB300
N "Any base" = ACGT
X = ACGT
R "Purine" = AG
END ALPHABET

strands: + -

Background letter frequencies (from dataset):
A 0.295 C 0.205 G 0.205 T 0.295

MOTIF GACGTGC DREME-1

#             Word    RC Word        Pos        Neg    P-value    E-value
# BEST     GACGTGC    GCACGTC         40          0   1.4e-011   1.3e-006
#          GACGTGC    GCACGTC         40          0   1.4e-011   1.3e-006

letter-probability matrix: alength= 4 w= 7 nsites= 40 E= 1.3e-006
{rows(PROBS)}

Time 0.9 secs.
"""
TRANSFAC_ROWS = rows(COUNTS, "      ", "{:g}", lambda i: f"{i+1:02d}  ", lambda i: "      N")
NAMED, PLAIN = ("Tf", "MA1.1"), ("Tf", "")

# text, reader, (name, identifier), number of sites
FORMATS = {
    "MEME, minimal": (meme(rows(PROBS)), read_meme, NAMED, N),
    "MEME, no sizes": (meme(rows(PROBS), ""), read_meme, NAMED, 20),
    "MEME, no alphabet, tabs, URL": (
        meme(rows(PROBS, "\t", lead=lambda i: "  ", end=lambda i: "\t")+"\nURL http://x.org/MA1.1\n",
             head="MEME version 4\n\n"),
        read_meme, NAMED, N),
    "MEME, one word": (meme(rows(PROBS), name="Tf"), read_meme, PLAIN, N),
    "MEME, name of several words": (meme(rows(PROBS), name="MA1.1 Tf (var.2)"), read_meme, ("Tf (var.2)", "MA1.1"), N),
    "MEME, per cent": (meme(rows(100*PROBS, form="{:.2f}")), read_meme, NAMED, N),
    "MEME, exponents": (meme(rows(PROBS+1e-7, form="{:.3e}")), read_meme, NAMED, N),
    "MEME, no blank line at the end": (meme(rows(PROBS)).rstrip(), read_meme, NAMED, N),
    "MEME, Windows": (meme(rows(PROBS)).replace("\n", "\r\n"), read_meme, NAMED, N),
    "MEME, byte-order mark": ("\ufeff"+meme(rows(PROBS)), read_meme, NAMED, N),
    "MEME, full text, 5": (MEME_FULL, read_meme, ("MEME-1", "GACGTGC"), N),
    "MEME, full text, 3": (MEME_FULL.replace("MOTIF GACGTGC MEME-1\twidth =   7", "MOTIF  1\twidth =    7"),
                           read_meme, ("1", ""), N),
    "STREME": (meme(rows(PROBS, lead=lambda i: " "), "alength= 4 w= 7 nsites= 40 E= 1.2e-010", "1-GACGTGC STREME-1"),
               read_meme, ("STREME-1", "1-GACGTGC"), N),
    "STREME, score": (meme(rows(PROBS), "alength= 4 w= 7 nsites= 40 S= 2.2e-002", "1-GACGTGC STREME-1"),
                      read_meme, ("STREME-1", "1-GACGTGC"), N),
    "DREME": (DREME, read_meme, ("DREME-1", "GACGTGC"), N),
    "modisco-lite": (meme(rows(PROBS).rstrip(), "alength= 4 w= 7 nsites= 1", "pos_patterns.pattern_0"), read_meme,
                     ("pos_patterns.pattern_0", ""), 20),
    "modisco-lite's writer with an E-value": (meme(rows(PROBS), "alength= 4 w= 7 nsites= 40E= 0"), read_meme, NAMED, N),
    "CIS-BP as MEME": (meme(rows(PROBS), "alength= 4 w= 7 nsites= 1 E= 0", "M1_2.00 (Tf)_(Homo_sapiens)_(DBD_1.00)"),
                       read_meme, ("(Tf)_(Homo_sapiens)_(DBD_1.00)", "M1_2.00"), 20),
    "HOCOMOCO v12 as MEME": (meme(rows(PROBS, "\t", "{}")+"URL https://hocomoco12.autosome.org/motif/TF.H12CORE.0.P.B",
                                  "alength= 4 w= 7 nsites= 40.0", "TF.H12CORE.0.P.B"),
                             read_meme, ("TF.H12CORE.0.P.B", ""), N),
    "Vierstra's archetypes": (meme(rows(PROBS), name="AC0001:TF:Tf AC0001"), read_meme, ("AC0001", "AC0001:TF:Tf"), N),
    "MEME 4.12": (MEME_FULL.replace("5.5.5 (Release date: Thu Oct 26 2023)", "4.12.0 (Release date: Tue Jun 27 2017)")
                  .replace("PRIMARY SEQUENCES= peaks.fa\nCONTROL SEQUENCES= --none--", "DATAFILE= peaks.fa"),
                  read_meme, ("MEME-1", "GACGTGC"), N),
    "JASPAR, half counts": (">MA1.1\tTf\n"+bases(COUNTS*0.5, "{:8.1f}", "{}  [".format, " ]"), read_jaspar, NAMED, 20),
    "HOCOMOCO v11 as JASPAR": (">TF_HUMAN.H11MO.0.B\n"+bases(COUNTS*1.25), read_jaspar, ("TF_HUMAN.H11MO.0.B", ""), 50),
    "motifStack": (">Tf\n"+bases(COUNTS, "{:g}", "{}\t|\t".format), read_jaspar, PLAIN, N),
    "GimmeMotifs": ("# GimmeMotifs version 0.18\n>Tf\n"+rows(PROBS, "\t", "{:.4f}"), read_hocomoco, PLAIN, 20),
    "HOCOMOCO as HOMER": (">gACGTGC\tTF.H12CORE.0.P.B\t6.1\n"+rows(PROBS, "\t", "{}"), read_homer,
                          ("TF.H12CORE.0.P.B", ""), 20),
    "HOCOMOCO as TRANSFAC": (f"AC TF.H12CORE.0.P.B\nXX\nID Tf\nXX\nP0 A C G T\n{TRANSFAC_ROWS}XX\n//\n",
                             read_transfac, ("Tf", "TF.H12CORE.0.P.B"), N),
    "HOMER, places": (">NACGTGC\tTf\t6.05\t-17.9\t0\tT:40.0(22.80%),B:9.0(4.00%),P:1e-774\tTpos:98.3,Tstd:40.1\n"
                      + rows(PROBS, "\t", "{:.3f}"), read_homer, PLAIN, N),
    "CIS-BP, Windows": ("Pos\tA\tC\tG\tT\r\n"+table(PROBS).replace("\n", "\r\n"), read_cisbp, ("file", ""), 20),
    "JASPAR": (">MA1.1\tTf\n"+bases(COUNTS, "{:6g}", "{}  [".format, " ]"), read_jaspar, NAMED, N),
    "JASPAR, no space in brackets": (">MA1.1 Tf\n"+bases(COUNTS, lead="{} [".format, end="]"), read_jaspar, NAMED, N),
    "JASPAR, letters only": (">MA1.1 Tf\n"+bases(COUNTS, lead="{} ".format), read_jaspar, NAMED, N),
    "JASPAR, small letters, bars": (">MA1.1 Tf\n"+bases(COUNTS, lead=lambda b: b.lower()+" | "), read_jaspar,
                                    NAMED, N),
    "JASPAR, raw": (">MA1.1\tTf\n"+bases(COUNTS, "{:.2f}"), read_jaspar, NAMED, N),
    "JASPAR, no header": (bases(COUNTS, "{:6g}"), read_jaspar, ("file", ""), N),
    "JASPAR, one word": (">Tf\n"+bases(COUNTS), read_jaspar, PLAIN, N),
    "JASPAR, other order of bases": (
        ">MA1.1 Tf\n"+"".join(reversed(bases(COUNTS, lead="{} ".format).splitlines(True))), read_jaspar, NAMED, N),
    "JASPAR, probabilities": (">MA1.1 Tf\n"+bases(PROBS, "{:.4f}", "{} [".format, "]"), read_jaspar, NAMED, 20),
    "JASPAR, per cent": (">MA1.1 Tf\n"+bases(100*PROBS, "{:.1f}", "{} [".format, "]"), read_jaspar, NAMED, 20),
    "UniPROBE": (">MA1.1 Tf\n"+bases(PROBS, "{:.4f}", "{}:\t".format), read_jaspar, NAMED, 20),
    "HOCOMOCO, pcm": (">TF_HUMAN.H11MO.0.A\n"+rows(COUNTS*1.25, "\t", "{}"), read_hocomoco,
                      ("TF_HUMAN.H11MO.0.A", ""), 50),
    "HOCOMOCO, v10": ("> TF_si\n"+rows(COUNTS*1.25, "\t", "{:.8f}"), read_hocomoco, ("TF_si", ""), 50),
    "HOCOMOCO, ppm": (">TF.H12CORE.0.P.B\n"+rows(PROBS, "\t", "{}"), read_hocomoco, ("TF.H12CORE.0.P.B", ""), 20),
    "Cluster-Buster": (">Tf\n"+rows(COUNTS, "\t", "{:g}"), read_hocomoco, PLAIN, N),
    "rows with a header of letters": (">Tf\nA C G T\n"+rows(COUNTS, "\t", "{:g}"), read_hocomoco, PLAIN, N),
    "rows with a header of letters in another order": (
        ">Tf\nT G C A\n"+rows(COUNTS[::-1], "\t", "{:g}"), read_hocomoco, PLAIN, N),
    "rows without header": (rows(COUNTS, "\t", "{:g}"), read_hocomoco, ("file", ""), N),
    "rows of per cent": (">Tf\n"+rows(100*PROBS, "\t", "{:g}"), read_hocomoco, PLAIN, 20),
    "rows of per cent, rounded": (">Tf\n"+rows(100*PROBS, "\t", "{:.1f}"), read_hocomoco, PLAIN, 20),
    "HOMER, known": (">NACGTGC\tTf(bHLH)/K562-Tf-ChIP-Seq(GSE1)/Homer\t6.05\t-1782.99\t0\t"
                    "T:40.0(22.80%),B:9.0(4.00%),P:1e-774\n"
                     + rows(PROBS, "\t", "{:.3f}"), read_homer, ("Tf(bHLH)/K562-Tf-ChIP-Seq(GSE1)/Homer", ""), N),
    "HOMER, old": (">NACGTGC\tTf(bHLH)/Homer\t6.05\t-1.782996e+03\t0\t9805.3,5781.0,3085.1,2715.0,0.00e+00\n"
                   + rows(PROBS, "\t", "{:.3f}"), read_homer, ("Tf(bHLH)/Homer", ""), 20),
    "HOMER, de novo": (">NACGTGC\t1-NACGTGC,BestGuess:USF1(bHLH)/GM-Usf1(GSE1)/Homer(0.95)\t6.05\t-17.9\t0\n"
                       + rows(PROBS, "\t", "{:.3f}"), read_homer,
                       ("1-NACGTGC,BestGuess:USF1(bHLH)/GM-Usf1(GSE1)/Homer(0.95)", ""), 20),
    "HOMER, made by hand": (">NACGTGC Tf 6.05\n"+rows(PROBS, "\t", "{:.3f}"), read_homer, PLAIN, 20),
    "HOMER, a name with blanks": (">NACGTGC\tmy Tf\t6.05\n"+rows(PROBS, "\t", "{:.3f}"), read_homer, ("my Tf", ""), 20),
    "TRANSFAC": (f"VV  TRANSFAC MATRIX TABLE\nXX\n//\nAC  M1\nXX\nID  V$TF_01\nXX\nNA  Tf\nXX\nDE  the Tf\nXX\n"
                 f"P0      A      C      G      T\n{TRANSFAC_ROWS}XX\nBA  40 sites\nXX\n"
                 "RN  [1]; RE1.\nRA  A. Body\nXX\n//\n",
                 read_transfac, ("Tf", "M1"), N),
    "TRANSFAC of JASPAR": ("AC\tMA1.1\nXX\nID\tTf\nXX\nDE\tMA1.1 Tf ; From JASPAR\nPO\tA\tC\tG\tT\n"
                           + table(COUNTS, "{:.1f}", width=2)+"XX\nCC\ttax_group:vertebrates\nXX\n//\n",
                           read_transfac, NAMED, N),
    "TRANSFAC of RSAT": ("AC  Tf\nXX\nID  Tf\nXX\nDE  nACGTGc\nP0       A     C     G     T\n"
                         + table(COUNTS, "{:g}", "     ")+"XX\n//\n", read_transfac, PLAIN, N),
    "TRANSFAC, no // at the end": (f"ID Tf\nP0 A C G T\n{TRANSFAC_ROWS}", read_transfac, PLAIN, N),
    "TRANSFAC, other order": ("ID Tf\nP0 T G C A\n"+table(COUNTS[::-1], "{:g}")+"XX\n//\n",
                              read_transfac, PLAIN, N),
    "TRANSFAC, frequencies": ("AC  MA1.1\nID  Tf\nPO A C G T\n"+table(PROBS, "{:.4f}", " ", width=2, end=" N")
                              + "XX\n//\n", read_transfac, NAMED, 20),
    "STAMP": ("DE\tTf\n"+table(COUNTS, "{:g}", start=0, end="\tN")+"XX\n", read_transfac, PLAIN, N),
    "CIS-BP": ("Pos\tA\tC\tG\tT\n"+table(PROBS, "{}"), read_cisbp, ("file", ""), 20),
    "CIS-BP, many": ("TF\tT1_2.00\nTF Name\tTf\nGene\tENSG1\nMotif\tMA1.1\nFamily\tbHLH\nSpecies\tHomo_sapiens\n"
                     "Pos\tA\tC\tG\tT\n"+table(PROBS)+"\n\n", read_cisbp, NAMED, 20),
    "UniPROBE, download": ("Protein: Tf\tSeed k-mer: CACGTG\tEnrichment Score: 0.49\n\n"
                 + bases(PROBS, "{:.5f}", "{}:\t".format), read_uniprobe, PLAIN, 20),
    "UniPROBE, older": ("Gene:\tTf\tMotif:\tCACGTG\tEnrichment Score:\t0.49\n" + "".join(
        f"\n{kind}\n\nPO\t1\t2\n"+bases(PROBS*sign, "{:.5f}", "{}:\t".format) for kind, sign in
        (("Energy matrix for enoLOGOS", -1), ("Reverse complement matrix", -1), ("Probability matrix", 1))),
        read_uniprobe, PLAIN, 20),
    "RSAT, tab": ("; x\n"+bases(COUNTS, "{:g}", lambda b: f"{b.lower()}\t|\t")+"//\n", read_uniprobe,
                  ("file", ""), N),
    "UniPROBE, converted": ("MA1.1 Tf\n"+bases(PROBS, "{:.5f}", "{}: ".format), read_uniprobe, NAMED, 20),
    "CIS-BP, gene only": ("Gene\tTf\nPos\tA\tC\tG\tT\n"+table(PROBS), read_cisbp, PLAIN, 20),
}


def write(tmp_path, text, name="file.txt"):
    path = tmp_path/name
    path.write_text(text, encoding="utf-8", newline="")
    return path


@pytest.mark.parametrize("kind", FORMATS)
def test_the_same_motif(tmp_path, kind):
    text, reader, names, n = FORMATS[kind]
    path = write(tmp_path, text)
    for read in (read_motifs, reader):
        motif = read(path)[0]
        np.testing.assert_allclose(motif.counts/motif.counts.sum(0), PROBS, atol=1e-3)
        assert (motif.name, motif.matrix_id, motif.n_sites) == (*names, n)
        np.testing.assert_allclose(motif.counts.sum(0), n, rtol=1e-3)


@pytest.mark.parametrize("n", ["0", "1", "-5", "nan", "inf", "1e9", "-inf", "x", ""])
def test_a_number_of_sites_that_is_none(tmp_path, n):
    motif, = read_motifs(write(tmp_path, meme(rows(PROBS), f"alength= 4 w= 7 nsites= {n} E= 0")))
    assert motif.n_sites == 20
    np.testing.assert_allclose(motif.counts, PROBS*20, atol=1e-4)


def test_counts_that_add_up_to_different_sums(tmp_path):
    counts = COUNTS*[1, 1, 50, 1, 3, 1, 1]
    motif, = read_motifs(write(tmp_path, ">MA1.1 Tf\n"+bases(counts)))
    np.testing.assert_array_equal(motif.counts, counts)
    assert motif.n_sites == 40


def test_counts_that_cannot_be_right(tmp_path):
    motif, = read_motifs(write(tmp_path, ">MA1.1 Tf\n"+bases(COUNTS*1e8, "{:.0f}")))
    assert motif.n_sites == 20
    np.testing.assert_allclose(motif.counts, PROBS*20)


def test_a_hundred_sites_are_counts_in_jaspar(tmp_path):
    motif, = read_motifs(write(tmp_path, ">MA1.1 Tf\n"+bases([[97, 1], [1, 97], [1, 1], [1, 1]])))
    assert motif.n_sites == 100


@pytest.mark.parametrize("text", [
    MEME_FULL, ">A1 A\n"+bases(COUNTS)+">B1 B\n"+bases(COUNTS), ">A\n"+rows(COUNTS, "\t")+">B\n"+rows(COUNTS, "\t"),
    ">N\tA\t6.1\n"+rows(PROBS)+">N\tB\t6.1\n"+rows(PROBS),
    meme(rows(PROBS))+"MOTIF B\n"+meme(rows(PROBS)).split("Tf\n")[1],
    f"AC A\nID A\nP0 A C G T\n{TRANSFAC_ROWS}XX\n//\nAC B\nID B\nP0 A C G T\n{TRANSFAC_ROWS}XX\n//\n",
    f"DE A\n{TRANSFAC_ROWS}XX\nDE B\n{TRANSFAC_ROWS}XX\n", 2*FORMATS["CIS-BP, many"][0],
    2*FORMATS["UniPROBE, download"][0], 2*FORMATS["UniPROBE, older"][0]])
def test_two_motifs(tmp_path, text):
    motifs = read_motifs(write(tmp_path, text))
    assert [m.width for m in motifs] == [7, 7]


def test_four_positions(tmp_path):
    "A matrix of four by four may be bases or positions"
    for m in (COUNTS[:, 1:5], COUNTS[:, [0, 2, 4, 5]]):
        for text in (">A\n"+bases(COUNTS)+">B\n"+bases(m), ">A\n"+rows(COUNTS)+">B\n"+rows(m),
                     ">B\n"+bases(m), ">B\n"+rows(m), ">B\tTf\t6.5\n"+rows(m/N)):
            motif = read_motifs(write(tmp_path, text))[-1]
            np.testing.assert_allclose(motif.counts/motif.counts.sum(0), m/N, atol=1e-4)
    square = write(tmp_path, ">B\n"+bases(np.eye(4)*9+1))
    with pytest.raises(UserError, match="may be bases or positions; read it with read_jaspar"): read_motifs(square)
    assert read_jaspar(square)[0].consensus() == read_hocomoco(square)[0].consensus() == "ACGT"


def test_gzipped(tmp_path):
    (tmp_path/"file.pfm.gz").write_bytes(gzip.compress(bases(COUNTS).encode()))
    motif, = read_motifs(tmp_path/"file.pfm.gz")
    assert (motif.name, motif.n_sites) == ("file", N)


def test_names_of_authors_in_latin_1(tmp_path):
    text = FORMATS["TRANSFAC"][0].replace("A. Body", "A. Bödy")
    (tmp_path/"a").write_bytes(text.encode("latin-1"))
    assert read_motifs(tmp_path/"a")[0].name == "Tf"
    (tmp_path/"b").write_bytes((">Jün\n"+bases(COUNTS)).encode("latin-1"))
    assert read_motifs(tmp_path/"b")[0].name == "Jün"


def test_long_and_binary(tmp_path, monkeypatch):
    (tmp_path/"a.gz").write_bytes(gzip.compress(meme(rows(PROBS)).encode()+b" "*10_000))
    monkeypatch.setattr(files, "LONGEST", 9999)
    with pytest.raises(UserError, match="longer than 9,999 letters"): read_motifs(tmp_path/"a.gz")
    (tmp_path/"a").write_bytes(b">A\0\1\n")
    with pytest.raises(UserError, match="not a text file"): read_motifs(tmp_path/"a")


@pytest.mark.parametrize("seed", range(20))
def test_damaged_files(tmp_path, seed):
    "A file that is cut, or in which letters or lines are changed, is read or refused; whatever is read is a motif"
    rng = np.random.default_rng(seed)
    texts = [text for text, *_ in FORMATS.values()]
    pieces = "nan|-1|1e400|²|\t|\n|>|//|P0|Pos|MOTIF|0|[|w= 3| |A|1_0|\x0b".split("|")
    for _ in range(30):
        text = texts[rng.integers(len(texts))]
        for _ in range(rng.integers(1, 4)):
            at, n = rng.integers(len(text)+1), rng.integers(0, 30)
            text = text[:at]+(pieces[rng.integers(len(pieces))] if rng.random() < 0.7 else "")+text[at+n:]
        try: motifs = read_motifs(write(tmp_path, text))
        except UserError as e: assert "\n" not in str(e) and "file.txt" in str(e)
        else:
            for m in motifs:
                assert m.counts.shape == (4, m.width) and m.width and (m.counts.sum(0) > 0).all() and m.n_sites >= 2
                assert m.name and np.isfinite(m.counts).all() and (m.counts >= 0).all()


RNA, PROTEIN = HEAD.replace("ACGT", "ACGU"), HEAD.replace("ACGT", "ACDEFGHIKLMNPQRSTVWY")
METHYL = HEAD.replace("ALPHABET= ACGT", 'ALPHABET "DNA with methyl" DNA-LIKE\nA "Adenine" 8510A8 ~ T "Thymine" A89610\n'
                      'm "5-mC" 0000FF ~ 1 "G:m" FF00FF\nC "Cytosine" A50026 ~ G "Guanine" 313695\nEND ALPHABET')
def bad(value, m=PROBS, at=(1, 2)):
    m = np.array(m, float)
    m[at] = value
    return m


empty = COUNTS*(np.arange(7) != 2)
REFUSED = {
    "RNA": (meme(rows(PROBS), head=RNA), "line 3: the alphabet is ACGU; only motifs of DNA"),
    "protein": (meme(rows(PROBS), head=PROTEIN), "only motifs of DNA"),
    "protein without its alphabet": (meme(rows(PROBS), "alength= 20 w= 7", head="MEME version 4\n"), "has 20 letters"),
    "methylated": (meme(rows(PROBS), head=METHYL), "only motifs of DNA"),
    "IUPAC": (meme(rows(PROBS), head=HEAD.replace("ACGT", "ACGTRYKMSWBDHVN")), "only motifs of DNA"),
    "RNA in JASPAR": (">MA1 X\n"+bases(COUNTS, lead="{} ".format).replace("T ", "U "), "only motifs of DNA"),
    "RNA of CIS-BP": ("Pos\tA\tC\tG\tU\n"+table(PROBS), "line 1: .*only motifs of DNA"),
    "RNA in TRANSFAC": (f"ID X\nP0 A C G U\n{TRANSFAC_ROWS}//\n", "line 2: .*only motifs of DNA"),
    "an N": (">MA1 X\n"+bases(COUNTS, lead="{} ".format).replace("T ", "N "), "should have four rows, A, C, G and T"),
    "one base twice": (">MA1 X\n"+bases(COUNTS, lead="{} ".format).replace("T ", "G "), "should have four rows"),
    "NaN": (meme(rows(bad(np.nan))), "line 14: Tf holds something that is not finite"),
    "NaN in the first row": (meme(rows(bad(np.nan, at=(0, 0)))), "line 12: Tf holds something that is not finite"),
    "all NaN": (meme(rows(PROBS*np.nan)), "line 12: Tf holds something that is not finite"),
    "infinity": (">MA1 X\n"+bases(bad(np.inf)), "line 3: X holds something that is not finite"),
    "NaN in CIS-BP": ("Pos A C G T\n"+table(bad(np.nan)), "line 4: file holds something"),
    "contributions": (meme(rows(PROBS-0.1)), "line 12: Tf holds negative numbers: log-odds or contributions"),
    "log-odds": (">X.pwm\n"+rows(np.log(4*PROBS+0.1)), "line 2: X.pwm holds negative numbers: log-odds"),
    "negative counts": (">MA1 X\n"+bases(bad(-3, COUNTS)), "line 3: X holds negative numbers"),
    "negative, TRANSFAC": (f"ID X\nP0 A C G T\n{TRANSFAC_ROWS.replace(' 2 ', ' -2 ')}//\n", "line 4: X holds negative"),
    "an empty position": (">MA1 X\n"+bases(empty), "line 2: position 3 of X has neither counts nor probabilities"),
    "an empty position, rows": (">X\n"+rows(empty), "line 4: position 3 of X has neither counts nor"),
    "an empty position, MEME": (meme(rows(empty/N)), "line 14: position 3 of Tf has neither"),
    "an empty position, TRANSFAC": (
        "ID X\nP0 A C G T\n"+table(empty, "{:g}")+"//\n", "line 5: position 3 of X has neither"),
    "an empty position, HOMER": (">N\tX\t6.1\n"+rows(empty/N), "line 4: position 3 of X has neither"),
    "counts in MEME": (meme(rows(COUNTS)), "line 12: position 1 of Tf should add up to 1; it adds up to 40"),
    "half probabilities": (meme(rows(PROBS/2)), "should add up to 1"),
    "half probabilities, rows": (">X\n"+rows(PROBS/2), "should add up to 1, or hold counts"),
    "half probabilities, HOMER": (">N\tX\t6.1\n"+rows(PROBS/2), "should add up to 1"),
    "w that is wrong": (meme(rows(PROBS), "alength= 4 w= 8"), "should have 8 rows, but 7 follow"),
    "no rows": (meme(""), "should have 7 rows, but 0 follow"),
    "log-odds only": (f"{HEAD}MOTIF A\nlog-odds matrix: alength= 4 w= 7\n{rows(PROBS)}\n"+meme(rows(PROBS), head=""),
                      "line 10: A has no letter-probability matrix"),
    "log-odds only, at the end": (meme(rows(PROBS))+"MOTIF B\nlog-odds matrix: w= 1\n0 0 0 0\n", "B has no let"),
    "five numbers": (meme(rows(np.vstack([PROBS, PROBS[:1]]))), "needs rows of four numbers"),
    "a letter in a row": (meme(rows(PROBS)).replace("0.250000 0.250000", "0.250000 x"), "something that is no number"),
    "no version": (meme(rows(PROBS), head=""), "no line begins with 'MEME version'"),
    "no motif": (HEAD, "no motif in this file"),
    "a licence": ("Pos\tA\tC\tG\tT\n", "line 1: file has no rows; CIS-BP leaves out matrices under licence"),
    "a licence among others": (
        "Motif\tM1\nPos\tA\tC\tG\tT\n\nMotif\tM2\nPos\tA\tC\tG\tT\n1\t1\t0\t0\t0\n", "M1 has no rows"),
    "TRANSFAC without a matrix": (f"AC M1\nID X\nXX\n//\nAC M2\nID Y\nP0 A C G T\n{TRANSFAC_ROWS}//\n", 
                                  "line 4: the entry X has no matrix"),
    "TRANSFAC without a position": (f"ID X\nP0 A C G T\n{TRANSFAC_ROWS.replace('03  ', '09  ')}//\n",
                                    "position 09 follows position 02"),
    "TRANSFAC without a base": ("ID X\nP0 A C G T\n01 1 2 3 G\n//\n", "something that is no number"),
    "XML": ('<?xml version="1.0"?>\n<MEME version="5.5.5">\n', "give the text output"),
    "HTML": ("<!DOCTYPE HTML>\n<html>\n", "give the text output"),
    "JASPAR, JSON": ('{"matrix_id": "MA0139.1", "pfm": {"A": [1, 2]}}', "no motif file that can be read"),
    "JASPAR, YAML": ("matrix_id: MA0139.1\npfm:\n  A: [1, 2]\n", "pfm: should have four rows"),
    "letters before the rows": (">Tf_known1\n"+rows(PROBS, lead=lambda i: "GACGTGC"[i]+" "), "should have four rows"),
    "scores of PWMTools": (">log-odds matrix Tf: alength= 4\n"+rows(np.full((4, 7), -95), " ", "{:d}"), "negative"),
    "commas": ("A,C,G,T\n"+rows(PROBS, ","), "no motif file that can be read"),
    "FASTA": (">chr1\nACGTACGT\nACGT\n", "should have four rows"),
    "FASTA of four lines": (">chr1\nACGTACGT\nACGT\nACGT\nACGT\n", "something that is no number"),
    "BED": ("chr1\t10\t20\nchr1\t30\t40\n", "no motif file that can be read"),
    "empty": ("\n\n", "no motif in this file"),
    "three bases": (">MA1 X\n"+bases(COUNTS[:3]), "should have four rows"),
    "unequal bases": (">MA1 X\nA 1 2 3\nC 1 2\nG 1 2 3\nT 1 2 3\n", "line 3: the matrix of X holds something"),
    "UniPROBE, three bases": ("Protein: X\n"+bases(PROBS[:3], "{:.2f}", "{}:\t".format),
                              "line 1: X should have four rows"),
    "UniPROBE, energies": ("Gene: X\nEnergy matrix for enoLOGOS\n"+bases(-PROBS, "{:.2f}", "{}:\t".format),
                           "X holds neg"),
    "no matrix": (">A x\n>B x\n"+bases(COUNTS), "line 1: A x has no matrix"),
    "no name": (">\n"+bases(COUNTS), "a motif without a name"),
    "decimal commas": (">X\n"+rows(PROBS, "\t").replace(".", ","), "something that is no number"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_none_is_refused(tmp_path, kind):
    text, words = REFUSED[kind]
    path = write(tmp_path, text)
    with pytest.raises(UserError, match=words) as e: read_motifs(path)
    assert str(e.value).startswith(str(path)) and "\n" not in str(e.value)


def test_one_format_read_as_another(tmp_path):
    positions, jaspar_file = write(tmp_path, ">A\n"+rows(COUNTS), "a"), write(tmp_path, ">A\n"+bases(COUNTS), "b")
    with pytest.raises(UserError, match="A has a row per position; read it with read_motifs"): read_jaspar(positions)
    with pytest.raises(UserError, match="A has a row per base; read it with read_motifs"): read_hocomoco(jaspar_file)
    for reader in (read_meme, read_transfac, read_cisbp):
        with pytest.raises(UserError, match="no line|no motif"): reader(positions)


# What we write, read by others and by ourselves

odd_counts = [PWM("flat at 3", empty, "X1"), PWM("no sites", PROBS),
              PWM("Nkx2-5 (var.2)", COUNTS, "MA0503.1", n_sites=np.nan)]


def test_meme_is_never_nan(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        write_meme(odd_counts, tmp_path/"a.meme")
    text = (tmp_path/"a.meme").read_text()
    assert "nan" not in text and "inf" not in text
    again = read_meme(tmp_path/"a.meme")
    assert [m.n_sites for m in again] == [40, 20, 40]
    np.testing.assert_allclose(again[0].counts[:, 2], 10)
    for value in (np.nan, np.inf, -1):
        with pytest.raises(UserError, match="the motif X has counts that are no numbers, negative or none"):
            write_meme([PWM("X", bad(value))], tmp_path/"b.meme")
        with pytest.raises(UserError, match="the motif X has counts that are"):
            write_jaspar([PWM("X", bad(value))], tmp_path/"b.jaspar")
    assert [p.name for p in tmp_path.iterdir()] == ["a.meme"]


@pytest.mark.parametrize("writer", [write_meme, write_jaspar])
def test_names_come_back(tmp_path, writer):
    motifs = [PWM("Tf", COUNTS, "MA1.1"), PWM("Tf", COUNTS), PWM("", COUNTS, "MA2.1"), PWM("", COUNTS)]
    writer(motifs, tmp_path/"a")
    assert [(m.name, m.matrix_id) for m in read_motifs(tmp_path/"a")] == [
        ("Tf", "MA1.1"), ("Tf", ""), ("MA2.1", ""), ("motif4", "")]


def test_others_read_what_we_write(tmp_path):
    from memelite.io import read_meme as by_memelite
    from tangermeme.io import read_meme as by_tangermeme
    known = jaspar("HNF4A")+jaspar("SPI1")+[PWM("Tf", COUNTS), PWM("Tf", COUNTS)]
    write_meme(known, tmp_path/"a.meme")
    probs = [m.counts/m.counts.sum(0) for m in known]
    for read in (by_memelite, by_tangermeme):
        found = [np.asarray(m) for m in read(tmp_path/"a.meme").values()]
        assert len(found) == len(known)
        for p, q in zip(probs, found): np.testing.assert_allclose(p, q, atol=1e-5)
    with open(tmp_path/"a.meme") as f: found = bio.parse(f, "minimal")
    for m, q in zip(known, found, strict=True):
        np.testing.assert_allclose(m.counts/m.counts.sum(0), [q.counts.normalize()[b] for b in "ACGT"], atol=0.03)
    write_jaspar(known, tmp_path/"a.jaspar")
    with open(tmp_path/"a.jaspar") as f: found = bio.parse(f, "jaspar")
    for m, q in zip(known, found, strict=True):
        np.testing.assert_allclose(m.counts, [q.counts[b] for b in "ACGT"], atol=1e-3)
        assert q.name == m.name


def test_we_read_what_others_write(tmp_path):
    from memelite.io import write_meme as by_memelite
    by_memelite(str(tmp_path/"a.meme"), {"MA1.1 Tf": PROBS, "B": PROBS})
    motifs = read_motifs(tmp_path/"a.meme")
    assert [(m.name, m.matrix_id, m.n_sites) for m in motifs] == [("Tf", "MA1.1", 20), ("B", "", 20)]
    np.testing.assert_allclose(motifs[0].counts, PROBS*20)
    motif = bio_jaspar.Motif("MA1.1", "Tf", counts=dict(zip("ACGT", COUNTS.tolist())))
    named = transfac.Motif("ACGT", counts=motif.counts)
    named["ID"] = "Tf"
    for kind in ("jaspar", "transfac", "pfm", "clusterbuster"):
        found = read_motifs(write(tmp_path, bio.write([named if kind == "transfac" else motif], kind), kind))
        np.testing.assert_allclose(found[0].counts, COUNTS)
        assert found[0].n_sites == N


def test_we_read_what_modisco_writes(tmp_path):
    h5py, modisco = pytest.importorskip("h5py"), pytest.importorskip("modiscolite.io")
    from modiscolite.util import MemeDataType
    with h5py.File(tmp_path/"a.h5", "w") as f:
        pattern = f.create_group("pos_patterns/pattern_0")
        for key in ("sequence", "contrib_scores", "hypothetical_contribs"):
            pattern[key] = PROBS.T-(0.1 if key != "sequence" else 0)
    for kind in ("PFM", "CWM"):
        modisco.write_meme_from_h5(str(tmp_path/"a.h5"), MemeDataType[kind], str(tmp_path/f"{kind}.meme"), True)
    motif, = read_motifs(tmp_path/"PFM.meme")
    assert (motif.name, motif.n_sites) == ("pos_patterns.pattern_0", 20)
    np.testing.assert_allclose(motif.counts/20, PROBS, atol=1e-5)
    with pytest.raises(UserError, match="pattern_0 holds negative numbers: log-odds or contributions"):
        read_motifs(tmp_path/"CWM.meme")


def test_two_formats_in_one_motif_file(tmp_path):
    "JASPAR before MEME: no motif is left out unsaid"
    path = tmp_path/'both.txt'
    counts = ''.join(f'{b} [ 9 1 1 9 ]\n' for b in 'ACGT')
    meme = 'MEME version 4\n\nMOTIF B\nletter-probability matrix: alength= 4 w= 1\n1 0 0 0\n'
    path.write_text(f'>MA1.1 A\n{counts}\n{meme}')
    with pytest.raises(UserError, match='line 1 begins a motif of another format'): read_motifs(path)
