# The programs as a user calls them, from a folder of one's own: exit codes, and what stands on stdout and stderr.
#   cmake -DBIN=build/release/bin -DSOURCE_DIR=. -DFOLDER=... -P programs.cmake

file(REMOVE_RECURSE ${FOLDER})
file(MAKE_DIRECTORY ${FOLDER})

# expect(CODE PATTERN PROGRAM ARGUMENT...): PATTERN must be somewhere in stdout or stderr.
function(expect code pattern program)
  execute_process(COMMAND ${BIN}/${program} ${ARGN} WORKING_DIRECTORY ${FOLDER} INPUT_FILE ${FOLDER}/prompt.txt
    RESULT_VARIABLE got OUTPUT_VARIABLE out ERROR_VARIABLE err)
  if(NOT got EQUAL code OR NOT "${out}${err}" MATCHES "${pattern}")
    message(FATAL_ERROR "${program} ${ARGN}: exit code ${got}, wanted ${code} and '${pattern}'\n${out}${err}")
  endif()
  set(out "${out}" PARENT_SCOPE)
  set(err "${err}" PARENT_SCOPE)
endfunction()

file(WRITE ${FOLDER}/prompt.txt "a rose")
set(text "a rose is a rose is a rose.\nit smells as sweet by any other name.\n")
string(REPEAT "${text}" 20 text)
file(WRITE ${FOLDER}/text.txt "${text}")
file(WRITE ${FOLDER}/rose.yaml "name: rose
data: {type: text, path: text.txt, length: 16, valid: 0.1, test: 0.1}
model: {type: decoder, d_model: 8, n_layers: 2, max_length: 16, mlp: relu}
attention: {type: softmax, heads: 2}
train: {steps: 4, batch: 8}
checkpoint: {every: 2}
evaluate: {every: 2}
")
file(WRITE ${FOLDER}/digits.yaml "name: digits
data: {type: digits, file: ${SOURCE_DIR}/data/files/digits.csv}
model: {type: mlp, hidden: [4]}
train: {steps: 4, batch: 8}
")

foreach(program train evaluate generate summary gradcheck report reproduce sweep verify diff)
  expect(0 "Usage: ${program}" ${program} --help)
  expect(2 "not expected|required" ${program} --colour)
endforeach()

expect(0 "blocks.0-1, each +Block" summary rose.yaml)
expect(0 "memory: weights .* adamw .* more" summary digits.yaml)
expect(2 "did you mean" summary rose.yaml model.n_layer=3)
expect(3 "nowhere.txt" summary rose.yaml data.path=nowhere.txt)
expect(0 "all [0-9]+ parameters agree with finite differences" gradcheck rose.yaml --tokens 8 --entries 2)
expect(4 "parameters disagree with finite differences" gradcheck digits.yaml --tolerance 1e-18)

expect(0 "done  4 steps" train rose.yaml)
expect(0 "done  4 steps" train digits.yaml)
expect(0 "report.html" report runs/digits)
expect(3 "nowhere" report nowhere)
expect(0 "calibration_error.*test: answers.*right" evaluate digits)
expect(0 "\"accuracy\": [0-9.]+" evaluate runs/digits --split test --samples 20 --json)
expect(2 "did you mean runs/digits" evaluate digit)
expect(5 "no complete checkpoint of step 3" evaluate digits --checkpoint 3)
expect(5 "the model wants" evaluate digits model.hidden=[5])

expect(0 "bits_per_character" evaluate rose --split valid)
expect(0 "^runs/rose|a rose" generate rose --prompt - --tokens 5)
expect(0 "--- 1 ---.*--- 2 ---" generate rose --prompt "is" --count 2 --tokens 5)
expect(0 "" generate rose --prompt "a rose" --tokens 12 --bare --temperature 0)
set(greedy "${out}")
expect(0 "" generate runs/rose/checkpoints/best --prompt "a rose" --tokens 12 --bare --top-k 1 --seed 9)
if(NOT out STREQUAL greedy)
  message(FATAL_ERROR "the likeliest token differs from the best of one: '${greedy}', '${out}'")
endif()
string(LENGTH "${greedy}" length)
if(NOT length EQUAL 13) # twelve characters and the end of the line
  message(FATAL_ERROR "twelve tokens were asked for, but this came: '${greedy}'")
endif()
expect(0 "" generate rose --prompt "a rose" --beams 3 --tokens 5)
expect(2 "excludes" generate rose --beams 3 --seed 2)
expect(2 "raise beams" generate rose --beams 2 --count 3)
expect(2 "none of the [0-9]+ characters" generate rose --prompt "QUX")
expect(2 "only language models and models of sequence to sequence write" generate digits)
file(WRITE ${FOLDER}/copy.yaml "name: copy
data: {type: sequences, task: copy, symbols: 5, longest: 4}
model: {type: encoder_decoder, d_model: 8, n_layers: 1, n_decoder_layers: 1}
attention: {type: softmax, heads: 2}
train: {steps: 2, batch: 8}
")
expect(0 "done  2 steps" train copy.yaml)
expect(0 "3 1 4  .*  ([0-4] )*" generate copy --prompt "3 1 4" --temperature 0)
expect(0 "3 1 4" generate copy --prompt "3 1 4" --beams 2)
expect(2 "give it with --prompt" generate copy)
expect(2 "'5' at offset 2 is no token" generate copy --prompt "3 5")
expect(2 "this model reads at most 4" generate copy --prompt "1 2 3 4 1")

# A claim: nothing is run twice, and the exit code tells the verdict.
file(WRITE ${FOLDER}/configs/tiny/wide.yaml "data: {type: digits, file: ${SOURCE_DIR}/data/files/digits.csv}
model: {type: mlp, hidden: [4]}
train: {steps: 4, batch: 8}
claim: Wide nets have more parameters.
seeds: 2
variants: {wide: {model.hidden: [8]}, narrow: {model.hidden: [2]}}
expect: [{metric: parameters, of: wide, above: narrow}, {metric: test_accuracy, of: own, at_most: 1}]
")
expect(0 "wide +- +6 " reproduce --list)
expect(0 "holds +parameters of wide above narrow.*finished +narrow-seed2" reproduce wide --jobs 2)
expect(0 "6 of 6 runs done" reproduce wide)
if("${out}${err}" MATCHES "finished")
  message(FATAL_ERROR "a finished run was done again:\n${out}${err}")
endif()
expect(0 "wide +holds" reproduce --list)
expect(0 "" reproduce --page)
foreach(file docs/gallery.md docs/gallery/wide.json docs/gallery/wide.svg)
  if(NOT EXISTS ${FOLDER}/${file})
    message(FATAL_ERROR "reproduce left no ${file}")
  endif()
endforeach()
file(READ ${FOLDER}/configs/tiny/wide.yaml wide)
string(REPLACE "above: narrow" "below: narrow" narrow "${wide}")
file(WRITE ${FOLDER}/narrow.yaml "${narrow}")
expect(1 "fails +parameters of wide below narrow" reproduce narrow.yaml --no-gallery)
string(REPLACE "metric: parameters" "metric: parametres" narrow "${wide}")
file(WRITE ${FOLDER}/narrow.yaml "${narrow}")
expect(2 "narrow.yaml:7:19: runs of wide end with no .parametres.; did you mean .parameters." reproduce narrow.yaml)
expect(2 "did you mean .wide." reproduce wdie)
expect(2 "which claim" reproduce)
expect(0 "done  4 steps" train configs/tiny/wide.yaml --variant wide)
expect(2 "did you mean .wide." train configs/tiny/wide.yaml --variant wyde)

# A sweep: what failed keeps its reason while the others go on.
expect(0 "lr +seeds +test_accuracy.*1e-3 +2 .*report.html" sweep digits.yaml lr=1e-3,1e-2 seed=0..1 --metric test_accuracy)
expect(1 "4 of 6 runs done, 2 failed.*failed  lr=1e30,train.watch=true-seed1" sweep digits.yaml lr=1e-3,1e-2,1e30 seed=0,1 train.watch=true)
expect(2 "stands here twice" sweep digits.yaml lr=1 lr=2)
expect(2 "did you mean .test_accuracy." sweep digits.yaml lr=1 --metric test_acuracy)

expect(0 "4 of 6 runs done, 2 with other processes" sweep digits.yaml lr=1e-3,1e-2,2e-2 seed=0,3 --share 1/2)
expect(2 "is no share" sweep digits.yaml lr=1e-3 --share 3/2)

# Several processes that do not see each other would train the same model several times.
set(ENV{SLURM_STEP_NUM_TASKS} 3)
expect(2 "srun started 3 processes, but" train digits.yaml name=several)
unset(ENV{SLURM_STEP_NUM_TASKS})

# The same bits again, and where other bits begin.
expect(0 "the same weights after 4 steps" verify digits)
expect(2 "is no run" verify nowhere)
expect(0 "done  4 steps" train digits.yaml name=again lr=2e-3)
expect(1 "lr: 0.001 and 0.002.*measurements part at step 1: train lr.*checkpoints part at step 4" diff digits again)
expect(1 "parameters part at step 1" diff digits again --replay)
expect(0 "the same parameters" diff digits digits --replay --steps 2)
