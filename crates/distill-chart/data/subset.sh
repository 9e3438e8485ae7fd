#!/bin/sh
# Makes dejavu-sans.ttf from version 2.37 of DejaVuSans.ttf, with fonttools 4: sh subset.sh PATH/DejaVuSans.ttf
# Latin, Greek and Cyrillic letters, and the signs that numbers need; outlines alone, without hints and names.
exec pyftsubset "$1" --output-file=dejavu-sans.ttf --notdef-outline --no-hinting --no-glyph-names --layout-features= \
  --drop-tables+=GPOS,GSUB,GDEF,MATH,kern,FFTM,name,gasp,meta \
  --unicodes=20-7E,A0-17F,192,218-21B,300-304,306-308,30A-30C,323,327,328,370-3FF,400-45F,490-4FF,1E00-1EFF,\
2010-2027,2030-203A,2044,2070-209F,20AC,2116,2122,2126,2190-2193,2200-220F,2211-221E,2220-222B,2248,2260-2265,\
25A0,25A1,25CB,25CF,2713,2717,FFFD
