# The experiments of docs/results/unit.md, small: `make -j2 -f training/unit/experiments.mk` trains what is not there yet.
# Needs data/gr1, data/human (docs/training.md) and a guess from both in runs/train/guess-tiny. A killed run goes on when make is called again.
RUN = uv run
TRAIN = $(RUN) train
USUAL = --bf16 --threads 1 --save-every 500 --out $(@D)
ROBOT = --data data/gr1
BOTH = --data data/gr1 data/human
TENTH = --data data/gr1 --episodes 0.1
G = runs/grid
W = model.safetensors
POLICIES = gr00t_R vla_R gr00t_R10 vla_R10 vla_B
ABLATIONS = gr00t full action no_cross vision villa
IN_PAIRS = $(addprefix $(G)/alone_,$(ABLATIONS))

all: $(POLICIES:%=$(G)/%/$(W)) $(ABLATIONS:%=$(G)/alone_%/$(W))

# Names end with what was trained on: R robot only, R10 a tenth of it, B both bodies.
$(G)/looks_R/$(W): ; $(TRAIN) looks $(ROBOT) --steps 3000 $(USUAL)
$(G)/looks_R10/$(W): ; $(TRAIN) looks $(TENTH) --steps 3000 $(USUAL)
$(G)/looks_B/$(W): ; $(TRAIN) looks $(BOTH) --steps 3000 $(USUAL)
$(G)/guess_R/$(W): ; $(TRAIN) guess $(ROBOT) $(USUAL)
$(G)/guess_R10/$(W): ; $(TRAIN) guess $(TENTH) $(USUAL)
$(G)/tok_R/$(W): ; $(TRAIN) tokenizer $(ROBOT) $(USUAL)
$(G)/tok_R10/$(W): ; $(TRAIN) tokenizer $(TENTH) --steps 1000 $(USUAL)
runs/train/tokenizer_%/$(W): ; $(TRAIN) tokenizer $(BOTH) --variant $* $(USUAL)

$(G)/gr00t_R/$(W): $(G)/looks_R/$(W) $(G)/guess_R/$(W)
	$(TRAIN) gr00t $(ROBOT) --looks $(G)/looks_R --guess $(G)/guess_R --steps 1000 $(USUAL)
$(G)/vla_R/$(W): $(G)/looks_R/$(W) $(G)/guess_R/$(W) $(G)/tok_R/$(W)
	$(TRAIN) vla_unit $(ROBOT) --looks $(G)/looks_R --guess $(G)/guess_R --tokenizer $(G)/tok_R --no-detach --steps 1000 $(USUAL)
$(G)/gr00t_R10/$(W): $(G)/looks_R10/$(W) $(G)/guess_R10/$(W)
	$(TRAIN) gr00t $(TENTH) --looks $(G)/looks_R10 --guess $(G)/guess_R10 --steps 1000 $(USUAL)
$(G)/vla_R10/$(W): $(G)/looks_R10/$(W) $(G)/guess_R10/$(W) $(G)/tok_R10/$(W)
	$(TRAIN) vla_unit $(TENTH) --looks $(G)/looks_R10 --guess $(G)/guess_R10 --tokenizer $(G)/tok_R10 --no-detach --steps 1000 $(USUAL)
$(G)/vla_B/$(W): $(G)/looks_B/$(W)
	$(TRAIN) vla_unit $(BOTH) --looks $(G)/looks_B --guess runs/train/guess-tiny --tokenizer checkpoints/tiny/tokenizer --no-detach --steps 1000 $(USUAL)

# Without a guess, so that what pictures and codes bring can show; all on both bodies.
$(G)/alone_gr00t/$(W): $(G)/looks_B/$(W)
	$(TRAIN) gr00t $(BOTH) --looks $(G)/looks_B --guess none --steps 600 $(USUAL)
$(G)/alone_full/$(W): $(G)/looks_B/$(W)
	$(TRAIN) vla_unit $(BOTH) --looks $(G)/looks_B --guess none --tokenizer checkpoints/tiny/tokenizer --no-detach --steps 600 $(USUAL)
$(G)/alone_%/$(W): $(G)/looks_B/$(W) runs/train/tokenizer_%/$(W)
	$(TRAIN) vla_unit $(BOTH) --looks $(G)/looks_B --guess none --tokenizer runs/train/tokenizer_$* --no-detach --steps 600 $(USUAL)

# Success in-domain, and errors on held-out demonstrations in pairs with the first policy.
agent = $(if $(findstring gr00t,$*),gr00t,vla_unit)
evaluations: $(POLICIES:%=runs/in_%/table.md) $(ABLATIONS:%=runs/in_alone_%/table.md)
runs/in_alone_%/table.md: $(G)/alone_%/$(W)
	$(RUN) evaluate --agent $(agent) --suite robocasa_gr1 --episodes 1 --seed 0 --out $(@D) --options.checkpoint $(<D)
runs/in_%/table.md: $(G)/%/$(W)
	$(RUN) evaluate --agent $(agent) --suite robocasa_gr1 --episodes 2 --seed 0 --out $(@D) --options.checkpoint $(<D)
errors:
	$(RUN) crossbody analyse imitation --data data/gr1 --policies $(POLICIES:%=$(G)/%) --out runs/analyse/bodies
	$(RUN) crossbody analyse imitation --data data/gr1 --policies $(IN_PAIRS) --out runs/analyse/tokenizers
	$(RUN) crossbody analyse efficiency --runs $(POLICIES:%=runs/in_%)
.PHONY: all evaluations errors
.SECONDARY:
