"""197 invented companies in two snapshots (2018, 2022), and the truth planted in them (``gold.jsonl``). Data only.

No firm, investor or website here exists. Beijing's and Shanghai's firms follow one mix of kinds in all founding
cohorts; Shenzhen's last cohort (2020–2022) follows Beijing's mix, its first (2013–2016) a mix of its own.
"""
